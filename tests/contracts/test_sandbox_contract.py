"""What every sandbox backend promises; a new file in `sandbox/backends/` is tested here without being named."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from codewright.core.errors import ConfigError
from codewright.sandbox.job import Job, Limits, Mode, Result
from codewright.sandbox.pool import check_available, list_backends, open_sandbox
from codewright.sandbox.toolchains import list_installed, load_language
from tests.sandbox.needs import skip_without_runsc
from tests.sandbox.opened import Opened, script

SHORT = Limits(wall_s=1.0, cpu_s=1.0)


@pytest.fixture(scope="module", params=list_backends())
def backend(request: pytest.FixtureRequest) -> Iterator[Opened]:
    if request.param == "gvisor":
        skip_without_runsc()
    with Opened(request.param, workers=2) as opened:
        yield opened


def checked(mode: Mode, source: str, tests: str, **more: Any) -> Job:
    return Job(mode, {"solution.py": source}, tests=tests, **more)


CHECKED: tuple[Mode, ...] = ("split", "inproc")


def test_is_available_and_stamps_its_name(backend: Opened) -> None:
    assert check_available(backend.name) is None
    (result,) = backend.run_all(script("print('hello')"))
    assert (result.status, result.stdout, result.exit_code) == ("passed", "hello\n", 0)
    assert result.isolation == backend.name
    assert result.max_rss_bytes > 0
    assert result.cpu_s > 0
    assert not result.forgeable


COMPILERS = {"c", "cpp", "csharp", "go", "java", "rust", "typescript"}
"""Under gVisor each of these takes 3 to 12 s for a hello: `make test-languages` has the time."""


@pytest.mark.parametrize("compiled", [False, pytest.param(True, marks=pytest.mark.languages)])
def test_hello_in_every_language_with_a_toolchain(backend: Opened, compiled: bool) -> None:
    left_out = COMPILERS if backend.name == "gvisor" and not compiled else set()
    languages = [load_language(name) for name in list_installed() if name not in left_out]
    slow = Limits(wall_s=60.0, cpu_s=60.0)  # tsc takes eight CPU seconds under gVisor
    jobs = [
        Job("script", {language.file: language.hello}, language=language.name, limits=slow)
        for language in languages
    ]
    results = backend.run_all(*jobs)
    assert [(result.status, result.stdout) for result in results] == [("passed", "hello\n")] * len(jobs)
    assert {"python", "bash"} <= {language.name for language in languages}


def test_stdin_arguments_files_and_exit_code(backend: Opened) -> None:
    first, second, third = backend.run_all(
        script(
            "import sys; print(input(), sys.stdin.read(), sys.argv[1:])",
            stdin="eins\nzwei",
            args=("a", "b c"),
        ),
        Job("script", {"main.py": "from pack.part import x; print(x)", "pack/part.py": "x = 7"}),
        script("import sys; print('bye', file=sys.stderr); sys.exit(3)"),
    )
    assert first.stdout == "eins zwei ['a', 'b c']\n"
    assert second.stdout == "7\n"
    assert (third.status, third.exit_code, third.stderr) == ("error", 3, "bye\n")


def test_commands_get_stdin_arguments_and_exit_codes(backend: Opened) -> None:
    ended, killed = backend.run_all(
        Job("script", {"a.sh": "read x; echo $x $1; exit 4"}, language="bash", stdin="in\n", args=("arg",)),
        Job("script", {"a.sh": "kill -9 $$"}, language="bash"),
    )
    assert (ended.status, ended.exit_code, ended.stdout) == ("error", 4, "in arg\n")
    assert (killed.status, killed.exit_code) == ("killed", None)


def test_output_beyond_the_limit_ends_the_program(backend: Opened) -> None:
    many, endless, other, enough = backend.run_all(
        script("print('x' * 10_000_000)"),
        script("while True: print('spam')"),
        checked("split", "import sys\ndef f(): sys.stderr.write('x' * 10_000_000)", "f()"),
        script("print('y' * 200_000)"),
    )
    assert [many.status, endless.status, other.status] == ["output_limit"] * 3
    assert len(many.stdout) == Limits().output_bytes
    assert (enough.status, len(enough.stdout)) == ("passed", 200_001)


def test_unicode_and_what_is_not(backend: Opened) -> None:
    good, surrogate, raw = backend.run_all(
        script("print(input()[::-1])", stdin="grün 🦎"),
        script("print('a\\ud800b')"),
        script("import os; os.write(1, b'\\xff\\xfe ok')"),
    )
    assert good.stdout == "🦎 nürg\n"
    assert (surrogate.status, surrogate.stdout) == ("passed", "a?b\n")
    assert (raw.status, raw.stdout) == ("passed", "\ufffd\ufffd ok")


@pytest.mark.parametrize("mode", CHECKED)
def test_passes_fails_and_errs(backend: Opened, mode: Mode) -> None:
    solution = "def f(x):\n    return 10 // x\n"
    passed, failed, wrong, broken = backend.run_all(
        checked(mode, solution, "assert f(5) == 2"),
        checked(mode, solution, "assert f(5) == 3, 'five'"),
        checked(mode, solution, "f(0)"),
        checked(mode, solution, "f("),
    )
    assert (passed.status, passed.detail) == ("passed", "")
    assert (failed.status, failed.detail) == ("failed", "AssertionError: five")
    assert (wrong.status, wrong.detail) == ("error", "ZeroDivisionError: integer division or modulo by zero")
    assert 'File "solution.py", line 2, in f' in wrong.stderr
    assert broken.status == "error"
    assert "tests" in broken.detail


def test_only_the_program_itself_can_be_a_compile_error(backend: Opened) -> None:
    bad = "def f(:\n"
    jobs = [script(bad), *(checked(mode, bad, "f()") for mode in CHECKED), script("x = '\\0'\neval('(')")]
    results = backend.run_all(*jobs)
    assert [result.status for result in results] == ["compile_error"] * 3 + ["error"]
    assert all("SyntaxError" in result.detail for result in results)


def test_endless_loops_time_out(backend: Opened) -> None:
    loop = "while True: pass"
    ignoring = "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\ntime.sleep(60)"
    jobs = [
        script(loop, limits=SHORT),
        script(ignoring, limits=SHORT),
        checked("inproc", loop, "", limits=SHORT),
        checked("split", f"def f():\n    {loop}", "f()", limits=SHORT),
        Job("script", {"a.sh": "while :; do :; done"}, language="bash", limits=SHORT),
        script("import os, time\nif os.fork(): os._exit(0)\ntime.sleep(60)", limits=SHORT),
    ]
    results = backend.run_all(*jobs)
    assert [result.status for result in results] == ["timeout"] * 5 + ["passed"]


@pytest.mark.parametrize("mode", CHECKED)
@pytest.mark.parametrize("leave", ["sys.exit(0)", "os._exit(0)", "raise SystemExit", "os.abort()"])
def test_leaving_before_the_last_test_is_no_pass(backend: Opened, mode: Mode, leave: str) -> None:
    at_load, in_call = backend.run_all(
        checked(mode, f"import os, sys\n{leave}", "pass"),
        checked(mode, f"import os, sys\ndef f():\n    {leave}", "f()"),
    )
    expected = "killed" if "abort" in leave else "exited_early"
    assert [at_load.status, in_call.status] == [expected, expected]


def test_deep_recursion_is_an_error(backend: Opened) -> None:
    source = "def f(n):\n    return f(n + 1)\n"
    one, two, three = backend.run_all(
        script(source + "f(0)"), checked("split", source, "f(0)"), checked("inproc", source, "f(0)")
    )
    assert [one.status, two.status, three.status] == ["error"] * 3
    assert "RecursionError" in two.detail


def test_memory_beyond_the_address_space(backend: Opened) -> None:
    hog = "x = bytearray(8 << 30)"
    results = backend.run_all(
        script(hog), checked("inproc", hog, ""), checked("split", f"def f():\n    {hog}", "f()")
    )
    assert [result.status for result in results] == ["memory_limit"] * 3


def test_a_fork_storm_ends_and_the_next_program_runs(backend: Opened) -> None:
    storm = "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass"
    if backend.name == "unsafe":
        storm = "import os, time\nfor _ in range(20):\n    os.fork() or time.sleep(60)\ntime.sleep(60)"
    after = [script("print('alive')") for _ in range(4)]
    stormed, *others = backend.run_all(script(storm, limits=SHORT), *after)
    assert stormed.status == "timeout"
    assert [result.stdout for result in others] == ["alive\n"] * 4


def test_integers_with_many_digits_cross(backend: Opened) -> None:
    source = "def f(n):\n    return 10 ** n\n"
    results = backend.run_all(
        *(checked(mode, source, "assert len(str(f(9_000))) == 9_001") for mode in CHECKED)
    )
    assert [result.status for result in results] == ["passed", "passed"]


@pytest.mark.parametrize(
    "value",
    [
        "[1, (2, 3)]",
        "{'a': {1, 2}, (1, 2): None}",
        "frozenset({1})",
        "b'\\xff'",
        "1j",
        "range(1, 9, 2)",
        "'\\ud800'",
        "float('inf')",
        "bytearray(b'x')",
        "True",
        "-0.0",
    ],
)
def test_plain_data_crosses_unchanged(backend: Opened, value: str) -> None:
    tests = f"x = {value}\ny = echo(x)\nassert (y, type(y), repr(y)) == (x, type(x), repr(x))"
    (result,) = backend.run_all(checked("split", "def echo(x):\n    return x\n", tests))
    assert result.status == "passed", result


def test_split_says_what_is_not_plain(backend: Opened) -> None:
    counter = "from collections import Counter\ndef f(x):\n    return Counter(x)\n"
    answer, argument, swallowed = backend.run_all(
        checked("split", counter, "f('aab')"),
        checked("split", counter, "f(lambda: 1)"),
        checked("split", counter, "try:\n    f('a')\nexcept:\n    pass"),
    )
    assert [answer.status, argument.status, swallowed.status] == ["not_plain"] * 3
    assert "Counter" in answer.detail
    assert "function" in argument.detail


def test_split_repeats_changes_to_arguments_and_builtin_exceptions(backend: Opened) -> None:
    solution = "class Odd(Exception): pass\ndef f(x, d):\n    x.sort(); d['k'] = 1\ndef g(): raise KeyError('k', 2)\ndef h(): raise Odd('o')"
    tests = """
x, d = [3, 1, 2], {}
assert f(x, d) is None and x == [1, 2, 3] and d == {'k': 1}
try: g()
except KeyError as error: assert error.args == ('k', 2)
else: assert False
try: h()
except Exception as error: assert 'Odd: o' in str(error)
else: assert False
"""
    (result,) = backend.run_all(checked("split", solution, tests))
    assert result.status == "passed", result


def test_split_binds_the_entry_point_and_keeps_the_prelude(backend: Opened) -> None:
    solution = "def helper(x): return 0\ndef f(x): return helper(x)\n"
    prelude = "def helper(x): return x + 1\n"
    tests = "assert f(1) == helper(1)"
    own, missing, replaced = backend.run_all(
        checked("split", solution, tests),
        checked("split", solution, tests, entry_point="f"),
        checked("split", solution, tests, prelude=prelude),
    )
    assert (own.status, missing.status, replaced.status) == ("passed", "error", "failed")


@pytest.mark.parametrize("mode", CHECKED)
def test_a_missing_entry_point_is_a_name_that_is_not_defined(backend: Opened, mode: Mode) -> None:
    (result,) = backend.run_all(checked(mode, "x = 1\n", "f()\n", entry_point="f"))
    assert (result.status, result.detail) == ("error", "NameError: name 'f' is not defined")


def test_says_what_can_be_forged(backend: Opened) -> None:
    results = backend.run_all(
        checked("inproc", "", ""),
        script("pass", tests="assert True"),
        script("pass"),
        checked("split", "", ""),
    )
    assert [result.status for result in results] == ["passed"] * 4
    assert [result.forgeable for result in results] == [True, True, False, backend.name == "unsafe"]


def test_tests_are_appended_to_a_script(backend: Opened) -> None:
    held, broken, bash = backend.run_all(
        script("x = 1", tests="assert x == 1"),
        script("x = 1", tests="assert x == 2"),
        Job("script", {"a.sh": "x=1"}, language="bash", tests="test $x = 2"),
    )
    assert (held.status, broken.status, bash.status) == ("passed", "error", "error")


def test_packages_are_looked_for(backend: Opened) -> None:
    with pytest.raises(ConfigError, match="no package 'nothing_like_it'"):
        backend.run_all(script("pass", packages=("nothing_like_it",)))
    (result,) = backend.run_all(script("import json", packages=("json",)))
    assert result.status == "passed"


@pytest.mark.parametrize(
    ("job", "message"),
    [
        (Job("script", {"a.x": ""}, language="klingon"), "klingon"),
        (Job("split", {"a.sh": ""}, language="bash"), "bash"),
        (Job("script", {}), "at least one file"),
        (Job("script", {"../a.py": ""}), "working folder"),
        (Job("script", {"a.py": ""}, limits=Limits(wall_s=0)), "wall_s"),
        (Job("session", {"a.py": ""}), "session"),  # type: ignore[arg-type]
    ],
)
def test_jobs_that_cannot_be_run_are_refused_before_they_start(
    backend: Opened, job: Job, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        backend.run_all(job)


def test_concurrent_jobs_share_the_workers(backend: Opened) -> None:
    jobs = [checked("inproc", f"def f(): return {n}", f"assert f() == {n}; print({n})") for n in range(30)]
    results = backend.run_all(*jobs)
    assert [(result.status, result.stdout) for result in results] == [("passed", f"{n}\n") for n in range(30)]


def test_a_cancelled_job_frees_its_worker(backend: Opened) -> None:
    async def run() -> Result:
        async with open_sandbox(backend.name, workers=1) as sandbox:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.3):
                    await sandbox.run(script("import time; time.sleep(60)"))
            return await sandbox.run(script("print('next')"))

    assert asyncio.run(run()).stdout == "next\n"


def test_no_descriptor_is_left(backend: Opened) -> None:
    def count() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    before = count()
    backend.run_all(*(script("pass") for _ in range(5)))
    assert count() == before

    async def open_and_close() -> None:
        async with open_sandbox(backend.name, workers=1) as sandbox:
            await sandbox.run(script("pass"))

    asyncio.run(open_and_close())
    assert count() == before
