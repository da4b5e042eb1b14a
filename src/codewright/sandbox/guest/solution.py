"""The solution's process in `split`: it loads the program, then answers calls until the checker is gone.

It holds no test, no nonce and no descriptor but its half of the link, and has no name for the checker. Only plain data
crosses (`plain.py`). Limits: arguments and results are copies; aliasing between arguments is lost.
"""

import os
from collections.abc import Callable
from typing import Any, NoReturn

from codewright.sandbox.guest import batch, plain
from codewright.sandbox.guest.pieces import pack_pieces
from codewright.sandbox.guest.python_code import (
    SourceError,
    open_solution,
    run_source,
)
from codewright.sandbox.guest.runners import finish
from codewright.sandbox.guest.verdict import (
    describe,
    flush_output,
    format_traceback,
    print_traceback,
    status_of,
)
from codewright.sandbox.guest.wire import VERDICT_FD, Program

CONFINED = b"c"
"""First byte on the link, before untrusted code: without it the trouble is the sandbox's."""

LINK_FD = VERDICT_FD
"""Where the solution's process has its half of the link; there is no verdict socket in it."""

HIGHEST_FD = 256
"""Above every descriptor the zygote or the host hands down."""

_MAX_NAMES = 5_000


def become_solution(link: int, confine: Callable[[], None], read_program: Callable[[], Program]) -> NoReturn:
    """Turn this process into the solution's: read, close everything else, confine, serve."""
    try:
        program = read_program()
        os.dup2(link, LINK_FD, inheritable=False)
        os.closerange(LINK_FD + 1, HIGHEST_FD)
        confine()
        os.write(LINK_FD, CONFINED)
        serve_solution(program, LINK_FD)
    finally:
        os._exit(1)


def serve_solution(program: Program, fd: int) -> NoReturn:
    """Load the solution, then answer calls until the checker is gone."""
    name, source, namespace = open_solution(program["files"], program["args"])
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
    calls = batch.Calls(lambda outputs: _hand_over(fd, calls, outputs))
    while True:
        call = _next_call(fd, calls)
        if "each" in call:
            _answer_each(fd, namespace, call, calls)
        else:
            _answer(fd, namespace, call)


def _next_call(fd: int, calls: batch.Calls) -> dict[str, Any]:
    while True:
        try:
            call: dict[str, Any] = plain.receive(fd)
        except EOFError:
            finish(0)
        if "spelling" not in call:
            return call
        plain.send(fd, {"spelling": calls.spelling(call["spelling"]).hex()})


def _hand_over(fd: int, calls: batch.Calls, outputs: list[bytes]) -> None:
    """Send the first outputs of a row, from within one of its calls; nobody comes back from here if they are wrong."""
    plain.send(fd, {**pack_pieces(outputs), "seconds": {}})
    if _next_call(fd, calls).get("calls") != "":
        _end(fd, "error", "the tests did not wait for calls they had ordered")


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


def _answer_each(fd: int, namespace: dict[str, Any], call: plain.Json, calls: batch.Calls) -> None:
    name = call.pop("each")
    try:
        if name not in namespace:
            raise NameError(f"name {name!r} is not defined")  # noqa: TRY301
        row = calls.make(namespace[name], batch.Order(**call))
    except SystemExit as error:
        _end(fd, "exited_early", describe(error))
    except BaseException as error:  # also out of a signal handler of the program's own
        row = batch.Row([], error, {})
    answer = {**pack_pieces(row.outputs), "seconds": row.seconds}
    if row.error is not None:
        answer["raised"] = _describe_exception(row.error)
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
