"""`split`: the solution in one process, the tests in another; plain data crosses, nothing else does.

The checker holds the tests and, in its verdict socket, the nonce. The solution's process is forked before the checker
reads either, closes every descriptor but its half of the link, and is PID 1 of a pid namespace below the checker's: it has
no name for the checker. A status other than `passed` that the link finds (solution gone, value not plain) is kept on the
link, because tests may swallow the exception that carries it.

Limits: arguments and results are copies. A list, dict, set or bytearray the solution changes is changed in the tests too;
aliasing between arguments is lost.
"""

import builtins
import os
import signal
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

from codewright.sandbox.guest import plain
from codewright.sandbox.guest.python_code import (
    SourceError,
    main_file,
    make_importable,
    new_module,
    run_source,
)
from codewright.sandbox.guest.runners import TESTS_NAME, finish
from codewright.sandbox.guest.verdict import (
    VerdictChannel,
    describe,
    flush_output,
    format_traceback,
    print_traceback,
    status_of,
)
from codewright.sandbox.guest.wire import VERDICT_FD, Program, Tests

_MAX_NAMES = 5_000
_BUILTIN_NAMES = frozenset(dir(builtins))
CONFINED = b"c"
"""First byte on the link, before untrusted code: without it the trouble is the sandbox's."""

HIGHEST_FD = 256
"""Above every descriptor the zygote or the host hands down."""

_MUTABLE = (list, dict, set, bytearray)

Fork = Callable[[], int]
"""fork(2), into a new pid namespace where there are namespaces."""


@dataclass(frozen=True)
class Ending:
    """How a run ended, if not by passing; signal: 0 if none."""

    status: str
    detail: str
    signal: int = 0


_BROKEN = Ending("error", "the solution's process broke the protocol")
_ENDINGS = ("compile_error", "failed", "error", "memory_limit", "exited_early")


class SolutionEndedError(BaseException):
    """The solution's process is gone or broke the protocol; `Link.ended` says which."""


class RemoteError(Exception):
    """Stands for an exception of the solution whose type is not a builtin one; its message names the type."""


# ---------------------------------------------------------------------------------------------- the solution's process


def serve_solution(program: Program, fd: int) -> NoReturn:
    """Load the solution, then answer calls until the checker is gone."""
    name, source = main_file(program["files"])
    make_importable(program["files"])
    namespace = new_module("solution").__dict__
    sys.argv = [name, *program["args"]]
    try:
        run_source(source, name, namespace)
    except SourceError as error:
        print_traceback(error.__cause__ or error)
        _end(fd, "compile_error", describe(error.__cause__ or error))
    except BaseException as error:  # untrusted code may raise anything
        if not isinstance(error, SystemExit):
            print_traceback(error)
        _end(fd, status_of(error), describe(error))
    plain.send(fd, {"names": _public_functions(namespace)})
    while True:
        try:
            call = plain.receive(fd)
        except EOFError:
            finish(0)
        _answer(fd, namespace, call)


def _end(fd: int, status: str, detail: str) -> NoReturn:
    flush_output()
    plain.send(fd, {"end": [status, detail]})
    finish(1)


def _public_functions(namespace: dict[str, Any]) -> list[str]:
    names = [name for name, value in list(namespace.items()) if name.isidentifier() and callable(value)]
    return [name for name in names if not name.startswith("_")][:_MAX_NAMES]


def _answer(fd: int, namespace: dict[str, Any], call: plain.Json) -> None:
    try:
        arguments = plain.from_json(call["args"])
        keywords = plain.from_json(call["keywords"])
        if call["name"] not in namespace:
            raise NameError(f"name {call['name']!r} is not defined")  # noqa: TRY301 - as the tests would see it in one process
        value = namespace[call["name"]](*arguments, **keywords)
        answer: dict[str, Any] = {"value": plain.to_json(value)}
        if call["mutable"]:
            after = plain.to_json(arguments)
            if after != call["args"]:
                answer["args"] = after
    except plain.NotPlainError as error:
        answer = {"not_plain": describe(error)}
    except SystemExit as error:
        _end(fd, "exited_early", describe(error))
    except BaseException as error:
        answer = {"raised": _describe_exception(error)}
    flush_output()
    plain.send(fd, answer)


def _describe_exception(error: BaseException) -> dict[str, Any]:
    try:
        arguments = plain.to_json(list(error.args))
    except (plain.NotPlainError, TypeError, AttributeError):
        arguments = None
    return {
        "type": type(error).__name__,
        "args": arguments,
        "line": describe(error),
        "traceback": format_traceback(error),
    }


# ----------------------------------------------------------------------------------------------- the checker's process


class Link:
    """The checker's half: calls the solution, and remembers if it ended."""

    def __init__(self, fd: int, pid: int) -> None:
        self.ended: Ending | None = None
        self.fd = fd
        self._pid = pid
        self._collected = False

    def start(self) -> bool:
        """Wait until the solution is confined; False if it never was."""
        try:
            return os.read(self.fd, 1) == CONFINED
        except OSError:
            return False

    def names(self) -> list[str]:
        """Wait until the solution is loaded; the names it offers, checked."""
        names = self._exchange(None).get("names")
        if type(names) is not list or not all(type(name) is str and name.isidentifier() for name in names):
            self._end(_BROKEN)
        return [name for name in names if not name.startswith("_")]

    def call(self, name: str, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        """Call a function of the solution. Builtin exceptions arrive as themselves."""
        try:
            order = {
                "name": name,
                "args": plain.to_json(list(arguments)),
                "keywords": plain.to_json(keywords),
                "mutable": any(type(argument) in _MUTABLE for argument in arguments),
            }
        except plain.NotPlainError as error:
            self._end(Ending("not_plain", f"an argument of {name}: {error}"))
        answer = self._exchange(order)
        if "raised" in answer:
            raise _rebuild_exception(answer["raised"])
        try:
            value = plain.from_json(answer.get("value"))
            if "args" in answer:
                _replay_changes(arguments, plain.from_json(answer["args"]))
        except plain.NotPlainError as error:
            self._end(Ending("not_plain", f"the answer of {name}: {error}"))
        return value

    def close(self) -> None:
        """Kill the solution and collect it, so that its CPU time counts."""
        os.close(self.fd)
        if not self._collected:
            os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)

    def _exchange(self, order: plain.Json) -> dict[str, Any]:
        if self.ended:
            raise SolutionEndedError
        try:
            if order is not None:
                plain.send(self.fd, order)
            answer = plain.receive(self.fd)
        except (EOFError, OSError):
            self._end(self._how_it_ended())
        except plain.NotPlainError as error:
            self._end(Ending("not_plain", str(error)))
        if type(answer) is not dict:
            self._end(_BROKEN)
        if "end" in answer:
            self._end(_checked_ending(answer["end"]))
        if "not_plain" in answer:
            self._end(Ending("not_plain", str(answer["not_plain"])))
        return answer

    def _how_it_ended(self) -> Ending:
        # A process that closed its half and runs on keeps us here until the wall limit: that is what happened.
        _, status = os.waitpid(self._pid, 0)
        self._collected = True
        if os.WIFSIGNALED(status):
            number = os.WTERMSIG(status)
            return Ending("killed", f"the solution's process died by signal {number}", number)
        return Ending("exited_early", f"the solution's process exited with code {os.WEXITSTATUS(status)}")

    def _end(self, ending: Ending) -> NoReturn:
        self.ended = ending
        raise SolutionEndedError


def _checked_ending(data: plain.Json) -> Ending:
    """Read what the solution's side says about its own end; it can only choose among ways to fail."""
    if type(data) is list and len(data) == 2 and data[0] in _ENDINGS and type(data[1]) is str:
        return Ending(data[0], data[1])
    return _BROKEN


def _rebuild_exception(data: plain.Json) -> Exception:
    if type(data) is not dict:
        return RemoteError("exception without a readable message")
    kind = getattr(builtins, str(data.get("type")), None)
    line = str(data.get("line"))
    error: Exception = RemoteError(line)
    if isinstance(kind, type) and issubclass(kind, Exception):
        try:
            error = kind(*plain.from_json(data.get("args")))
        except Exception:  # the arguments are untrusted; constructors refuse them in many ways
            error = RemoteError(line)
    if data.get("traceback"):
        error.add_note(f"In the solution:\n{data['traceback']}")
    return error


def _replay_changes(arguments: tuple[Any, ...], after: plain.Json) -> None:
    """Repeat in the tests' own objects what the solution did to its copies."""
    if type(after) is not list or len(after) != len(arguments):
        raise plain.NotPlainError("changed arguments do not match")
    for argument, new in zip(arguments, after, strict=True):
        if type(argument) in _MUTABLE and type(argument) is type(new):
            argument.clear()
            if type(argument) in (list, bytearray):
                argument.extend(new)
            else:
                argument.update(new)


def _proxy(link: Link, name: str) -> Callable[..., Any]:
    def call(*arguments: Any, **keywords: Any) -> Any:
        return link.call(name, arguments, keywords)

    call.__name__ = call.__qualname__ = name
    return call


def check(link: Link, tests: Tests, channel: VerdictChannel) -> NoReturn:
    """Run the tests against the solution behind the link, and report."""
    namespace = new_module("checker").__dict__
    failure: Ending | None = None
    try:
        offered = link.names()
        if tests["prelude"]:
            run_source(tests["prelude"], "<prelude>", namespace)
        entry = tests["entry_point"]
        names = (
            [entry]
            if entry
            else [name for name in offered if name not in namespace and name not in _BUILTIN_NAMES]
        )
        for name in names:
            namespace[name] = _proxy(link, name)
        run_source(tests["tests"], TESTS_NAME, namespace)
    except SolutionEndedError:
        failure = link.ended
    except SourceError as error:
        failure = Ending("error", f"the tests do not compile: {describe(error.__cause__ or error)}")
    except BaseException as error:
        failure = Ending(status_of(error), _line(error))
        if not isinstance(error, SystemExit) and link.ended is None:
            print_traceback(error)
    ending = link.ended or failure or Ending("passed", "")
    link.close()
    flush_output()
    channel.report(ending.status, ending.detail, signal=ending.signal)
    finish(0)


def _line(error: BaseException) -> str:
    return describe(error).removeprefix("RemoteError: ")


def fork_solution(fork: Fork, confine: Callable[[], None], read_program: Callable[[], Program]) -> Link:
    """Start the solution's process. In it, this never returns."""
    ours, theirs = socket.socketpair()
    pid = fork()
    if pid:
        theirs.close()
        return Link(ours.detach(), pid)
    try:
        program = read_program()
        os.dup2(theirs.detach(), VERDICT_FD, inheritable=False)
        os.closerange(VERDICT_FD + 1, HIGHEST_FD)
        confine()
        os.write(VERDICT_FD, CONFINED)
        serve_solution(program, VERDICT_FD)
    finally:
        os._exit(1)
