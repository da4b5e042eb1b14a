"""The checker's side of `split`: the tests run here, and every call of theirs crosses to the solution's process.

A status other than `passed` that the link finds (solution gone, value not plain) is kept on the link, because tests may
swallow the exception that carries it. Limits: a list, dict, set or bytearray the solution changes is changed in the tests
too; aliasing between arguments is lost.
"""

import builtins
import os
from collections.abc import Callable
from types import CodeType
from typing import Any, NamedTuple, NoReturn

from codewright.sandbox.guest import batch, plain
from codewright.sandbox.guest.pieces import unpack_pieces
from codewright.sandbox.guest.python_code import SourceError, compile_source, new_module
from codewright.sandbox.guest.runners import TESTS_NAME
from codewright.sandbox.guest.solution import CONFINED
from codewright.sandbox.guest.verdict import describe, print_traceback, status_of
from codewright.sandbox.guest.wire import Tests

_BUILTIN_NAMES = frozenset(dir(builtins))
_MUTABLE = (list, dict, set, bytearray)

_ENDS_A_LOOP = (StopIteration, StopAsyncIteration)
"""Never raised in the tests: `all(map(f, cases))` would take it for the end of the cases and hold without checking one."""


class Ending(NamedTuple):
    """How a run ended; signal: 0 if none."""

    status: str
    detail: str
    signal: int = 0


PASSED = Ending("passed", "")
_BROKEN = Ending("error", "the solution's process broke the protocol")
_ENDINGS = ("compile_error", "failed", "error", "memory_limit", "exited_early")


class SolutionEndedError(BaseException):
    """The solution's process is gone or broke the protocol; `Link.ended` says which."""


class RemoteError(Exception):
    """Stands for an exception of the solution whose type is not a builtin one; its message names the type."""


class Link:
    """The checker's half: calls the solution, and remembers if it ended."""

    def __init__(self, fd: int, await_end: Callable[[], int]) -> None:
        """await_end: waits until the solution's process is gone and returns its wait status (wait(2))."""
        self.ended: Ending | None = None
        self.fd = fd
        self._await_end = await_end

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

    def call_each(self, name: str, order: batch.Order) -> batch.Row:
        """Call a function of the solution many times; see `batch.Caller.make`."""
        answer = self._exchange({**order._asdict(), "each": name})
        outputs, seconds = unpack_pieces(answer), answer.get("seconds")
        if outputs is None or type(seconds) is not dict:
            self._end(_BROKEN)
        error = _rebuild_exception(answer["raised"]) if "raised" in answer else None
        if order.stop is not None and order.start + len(outputs) > order.stop - (error is not None):
            self._end(_BROKEN)
        if not outputs and error is None and order.start != order.stop:
            self._end(_BROKEN)
        return batch.Row(outputs, error, seconds)

    def spelling(self, index: int) -> bytes:
        """Ask for that of a long output; see `batch.Caller.spelling`."""
        spelling = self._exchange({"spelling": index}).get("spelling")
        try:
            return bytes.fromhex(spelling)  # type: ignore[arg-type]
        except (TypeError, ValueError):
            self._end(_BROKEN)

    def refuse(self, name: str, reason: str) -> NoReturn:
        """End because an output is no plain data."""
        self._end(Ending("not_plain", f"the answer of {name}: {reason}"))

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
        status = self._await_end()
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
    if isinstance(kind, type) and issubclass(kind, Exception) and not issubclass(kind, _ENDS_A_LOOP):
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


class _Each:
    """Many calls of one function behind the link."""

    def __init__(self, link: Link, name: str) -> None:
        self._link = link
        self._name = name

    def make(self, order: batch.Order) -> batch.Row:
        return self._link.call_each(self._name, order)

    def spelling(self, index: int) -> bytes:
        return self._link.spelling(index)

    def refuse(self, reason: str) -> NoReturn:
        self._link.refuse(self._name, reason)


def _proxy(link: Link, name: str) -> Callable[..., Any]:
    def call(*arguments: Any, **keywords: Any) -> Any:
        return link.call(name, arguments, keywords)

    call.__name__ = call.__qualname__ = name
    return call


class CompiledTests(NamedTuple):
    """Code to run in order; refused: why the compiler did not take it."""

    parts: tuple[CodeType, ...]
    entry_point: str | None
    refused: str = ""


def compile_tests(tests: Tests) -> CompiledTests:
    """Compile prelude and tests; nothing of them runs."""
    sources = [(tests["tests"], TESTS_NAME)]
    if tests["prelude"]:
        sources.insert(0, (tests["prelude"], "<prelude>"))
    try:
        parts = tuple([compile_source(source, name) for source, name in sources])
    except SourceError as error:
        return CompiledTests((), tests["entry_point"], describe(error.__cause__ or error))
    return CompiledTests(parts, tests["entry_point"])


def examine(link: Link, tests: CompiledTests) -> Ending:
    """Run the tests against the solution behind the link."""
    namespace = new_module("checker").__dict__
    failure: Ending | None = None
    try:
        offered = link.names()
        if tests.refused:
            return Ending("error", f"the tests do not compile: {tests.refused}")
        for prelude in tests.parts[:-1]:
            exec(prelude, namespace)  # noqa: S102 - confined like the program itself
        entry = tests.entry_point
        if entry:
            batch.offer(_Each(link, entry), namespace)
        names = (
            [entry]
            if entry
            else [name for name in offered if name not in namespace and name not in _BUILTIN_NAMES]
        )
        for name in names:
            namespace[name] = _proxy(link, name)
        exec(tests.parts[-1], namespace)  # noqa: S102
    except SolutionEndedError:
        failure = link.ended
    except BaseException as error:
        failure = Ending(status_of(error), _line(error))
        if not isinstance(error, SystemExit) and link.ended is None:
            print_traceback(error)
    return link.ended or failure or PASSED


def _line(error: BaseException) -> str:
    return describe(error).removeprefix("RemoteError: ")
