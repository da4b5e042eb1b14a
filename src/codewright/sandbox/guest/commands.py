"""The `script` runner for languages other than Python: compile, then run, as commands of the language's TOML.

This process stays PID 1 of the program's namespace and keeps the verdict socket; the program below it cannot signal,
trace or read it (it hides its memory), so an exit code is what the kernel says it was.
"""

import os
import re
import signal
from collections.abc import Mapping
from typing import NoReturn

from codewright.sandbox.guest.compile_server import ask_server
from codewright.sandbox.guest.python_code import main_file, write_file, write_files
from codewright.sandbox.guest.runners import finish
from codewright.sandbox.guest.verdict import VerdictChannel
from codewright.sandbox.guest.wire import Program, Tests

ENDED = "ended"
"""Record status: the program ran; exit_code or signal say how it ended."""

CACHE_PLACE = "/run/codewright/toolchains"
"""Where the host's folder of toolchain caches appears in namespaces; without them it is where the host says."""

ROOTS_PLACE = "/run/codewright/roots"
"""Where toolchains from folders that are not shown appear in namespaces, each under its language's name."""

_CONDITION = re.compile(r"\{if (.*?)\}(.*)", re.DOTALL)
"""`{if REGEX}PART`: the part stands in the compiler's command only if REGEX is found in a file of the program."""

_STDERR = 2
_IGNORED = (signal.SIGPIPE, signal.SIGXFSZ)
"""What Python's start-up ignores and a command expects as the kernel has it."""

has_server = False
"""True where the zygote has a compiler that stays warm for this program (`compile_server.py`)."""

run_as: int | None = None
"""uid and gid that commands get instead of this process's own: set where the kernel would let them signal their PID 1."""


def run_command(program: Program, tests: Tests, channel: VerdictChannel) -> NoReturn:
    """Write the files, compile if the language does, run, report the exit code."""
    values = _values(program)
    files = dict(program["files"])
    if tests["tests"]:
        name, source = main_file(files)
        begin, end = fill_in(program["begin"], values), fill_in(program["end"], values)
        files[name] = (
            f"{source}\n{begin}{tests['tests']}\n{end}" if end else f"{source}\n{begin}{tests['tests']}"
        )
    write_files(files | {name: fill_in(text, values) for name, text in program["rule_files"].items()})
    environment = _environment(program, values)
    if program["compile"]:
        code = _compile_in_server(program, files, values)
        if code is None:
            command = [fill_in(part, values) for part in _choose(program["compile"], files)]
            # What a compiler prints is no output of the program.
            code = _run(command, environment, quiet=True)
        if code:
            channel.report("compile_error", f"the compiler ended with {_how(code)}")
            finish(1)
    command = [fill_in(part, values) for part in program["run"]]
    code = _run([*command, *program["args"]], environment, quiet=False)
    if code < 0:
        channel.report(ENDED, signal=-code)
    elif code == 0 and program["mark"] and not os.path.exists(values["{mark}"]):
        channel.report("exited_early", "ended with exit code 0 before the last test")
    else:
        channel.report(ENDED, exit_code=code)
    finish(0)


def _compile_in_server(program: Program, files: dict[str, str], values: dict[str, str]) -> int | None:
    """Compile what would be compiled by the command; the exit code, None if there is no server or it failed.

    Not for a program of several sources: a compiler looks for the others by itself, where its command tells it to.
    """
    if not has_server:
        return None
    name, _ = main_file(files)
    kind = os.path.splitext(name)[1]
    own = [name for name in files if name.endswith(kind)]
    compiled = None
    if own == [name]:
        more = {rule: text for rule, text in program["rule_files"].items() if rule.endswith(kind)}
        sources = {name: files[name], **{rule: fill_in(text, values) for rule, text in more.items()}}
        compiled = ask_server(program["server_options"], sources)
    if compiled is None:
        return None
    os.write(_STDERR, compiled.said.encode())
    for path, content in compiled.files.items():
        write_file(path, content)
    return compiled.code


def _choose(parts: list[str], files: dict[str, str]) -> list[str]:
    chosen = []
    for part in parts:
        condition = _CONDITION.fullmatch(part)
        if condition is None:
            chosen.append(part)
        elif any(re.search(condition[1], text) for text in files.values()):
            chosen.append(condition[2])
    return chosen


def _values(program: Program) -> dict[str, str]:
    here = os.getcwd()
    given = program["cache"]
    shown = f"{CACHE_PLACE}/{os.path.basename(given)}"
    if given and os.path.isdir(shown):
        given = shown
    # Without a cache, a folder of the program's own: compilers that insist on one fill it themselves.
    return {
        "{mark}": f"{here}/{program['mark']}",
        "{cache}": given or f"{here}/.toolchain",
        "{here}": here,
    }


def _environment(program: Program, values: dict[str, str]) -> dict[str, str]:
    environment = dict(os.environ) | {name: fill_in(text, values) for name, text in program["env"].items()}
    if program["root"]:
        shown = f"{ROOTS_PLACE}/{program['language']}"
        root = shown if os.path.isdir(shown) else program["root"]
        environment["PATH"] = f"{root}/bin:{environment.get('PATH', os.defpath)}"
    return environment


def fill_in(text: str, values: Mapping[str, str]) -> str:
    """Put values in the place of their names; every language's TOML is filled in so, here and on the host."""
    for name, value in values.items():
        text = text.replace(name, value)
    return text


def _run(command: list[str], environment: dict[str, str], *, quiet: bool) -> int:
    """Run to its end; the exit code, or a signal's number below zero. quiet: no stdin, and what it prints goes to stderr."""
    path = _find(command[0], environment)
    if run_as is None:
        actions = [(os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0), (os.POSIX_SPAWN_DUP2, _STDERR, 1)]
        pid = os.posix_spawn(
            path, command, environment, file_actions=actions if quiet else (), setsigdef=_IGNORED
        )
    else:
        pid = os.fork()
        if pid == 0:
            _become(path, command, environment, run_as, quiet=quiet)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _find(name: str, environment: dict[str, str]) -> str:
    if "/" in name:
        return name
    for folder in environment["PATH"].split(":"):
        if os.access(f"{folder}/{name}", os.X_OK):
            return f"{folder}/{name}"
    raise FileNotFoundError(name)


def _become(
    path: str, command: list[str], environment: dict[str, str], user: int, *, quiet: bool
) -> NoReturn:
    try:
        for number in _IGNORED:
            signal.signal(number, signal.SIG_DFL)
        if quiet:
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.dup2(_STDERR, 1)
        os.setgroups(())
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
        os.execve(path, command, environment)  # noqa: S606 - no shell is the point
    finally:
        os._exit(127)


def _how(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
