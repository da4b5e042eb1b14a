"""The `script` runner for languages other than Python: compile, then run, as commands of the language's TOML.

This process stays PID 1 of the program's namespace and keeps the verdict socket; the program below it cannot signal,
trace or read it (it hides its memory), so an exit code is what the kernel says it was.
"""

import signal
import subprocess
from typing import NoReturn

from codewright.sandbox.guest.python_code import main_file, write_files
from codewright.sandbox.guest.runners import finish
from codewright.sandbox.guest.verdict import VerdictChannel
from codewright.sandbox.guest.wire import Program, Tests

ENDED = "ended"
"""Record status: the program ran; exit_code or signal say how it ended."""


def run_command(program: Program, tests: Tests, channel: VerdictChannel) -> NoReturn:
    """Write the files, compile if the language does, run, report the exit code."""
    files = dict(program["files"])
    if tests["tests"]:
        name, source = main_file(files)
        files[name] = f"{source}\n{tests['tests']}"
    write_files(files)
    if program["compile"]:
        code = _run(program["compile"], stdin=subprocess.DEVNULL)
        if code:
            channel.report("compile_error", f"{program['compile'][0]} ended with {_how(code)}")
            finish(1)
    code = _run([*program["run"], *program["args"]], stdin=None)
    if code < 0:
        channel.report(ENDED, signal=-code)
    else:
        channel.report(ENDED, exit_code=code)
    finish(0)


def _run(command: list[str], stdin: int | None) -> int:
    process = subprocess.Popen(command, stdin=stdin)
    return process.wait()


def _how(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
