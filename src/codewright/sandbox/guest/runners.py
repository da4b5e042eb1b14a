"""How a confined process runs Python: `inproc` and `script`. (`split.py` holds the third way.)

Each runner takes what the job brings and its verdict channel, and ends the process itself.
"""

import atexit
import os
import sys
from collections.abc import Callable
from typing import NoReturn

from codewright.sandbox.guest.batch import offer_here
from codewright.sandbox.guest.python_code import (
    SourceError,
    main_file,
    new_module,
    open_solution,
    run_source,
    write_files,
)
from codewright.sandbox.guest.verdict import (
    VerdictChannel,
    describe,
    flush_output,
    print_traceback,
    status_of,
)
from codewright.sandbox.guest.wire import Program, Tests

TESTS_NAME = "<tests>"


def finish(code: int) -> NoReturn:
    """Leave without the interpreter's shutdown: handlers of untrusted code must not run after the verdict."""
    flush_output()
    os._exit(code & 0xFF)


def run_inproc(program: Program, tests: Tests, channel: VerdictChannel) -> NoReturn:
    """Solution and tests in one process; a program can forge its verdict here, and the result says so."""
    name, source, namespace = open_solution(program["files"], program["args"])
    try:
        run_source(source, name, namespace)
    except SourceError as error:
        _report_compile_error(error, channel)
    except BaseException as error:  # untrusted code may raise anything, SystemExit included
        _report_exception(error, channel)
    offer_here(tests["tests"], namespace, tests["entry_point"])
    try:
        run_source(tests["tests"], TESTS_NAME, namespace)
    except SourceError as error:
        channel.report("error", f"the tests do not compile: {describe(error.__cause__ or error)}")
    except BaseException as error:
        _report_exception(error, channel)
    else:
        flush_output()
        channel.report("passed")
        os._exit(0)
    finish(0)


def _report_compile_error(error: SourceError, channel: VerdictChannel) -> NoReturn:
    cause = error.__cause__ or error
    print_traceback(cause)
    channel.report("compile_error", describe(cause))
    finish(1)


def _report_exception(error: BaseException, channel: VerdictChannel) -> NoReturn:
    status = status_of(error)
    if status != "exited_early":
        print_traceback(error)
    channel.report(status, describe(error))
    finish(1)


def run_script(program: Program, tests: Tests, channel: VerdictChannel) -> NoReturn:
    """A whole program as `__main__`, with stdin and arguments; what counts is its exit code.

    Tests, if any, are appended to the program, which can then end before them: the host marks that forgeable.
    """
    name, source = main_file(program["files"])
    write_files(program["files"])
    path = str(os.path.join(os.getcwd(), name))
    namespace = new_module("__main__").__dict__
    namespace["__file__"] = path
    sys.argv = [name, *program["args"]]
    sys.path.insert(0, os.path.dirname(path))
    if tests["tests"]:
        source = f"{source}\n{tests['tests']}"
    code = 0
    try:
        run_source(source, path, namespace)
    except SourceError as error:
        _report_compile_error(error, channel)
    except SystemExit as error:
        code = _exit_code(error)
    except BaseException as error:
        print_traceback(error)
        code = 1
        if isinstance(error, MemoryError):
            channel.report("memory_limit", describe(error))
        else:
            channel.report("error", describe(error))
    _end_like_python()
    finish(code)


def _exit_code(error: SystemExit) -> int:
    if error.code is None:
        return 0
    if isinstance(error.code, int):
        return error.code
    try:
        sys.stderr.write(f"{error.code}\n")
    except BaseException:  # untrusted __str__ and stream
        return 1
    return 1


def _end_like_python() -> None:
    """Wait for threads and run exit handlers, as the interpreter does after a main program."""
    threads = sys.modules.get("threading")
    for step in (threads._shutdown if threads else None, atexit._run_exitfuncs):
        try:
            if step is not None:
                step()
        except BaseException:  # noqa: S112 - handlers are untrusted; the exit code stands
            continue


Runner = Callable[[Program, Tests, VerdictChannel], NoReturn]
