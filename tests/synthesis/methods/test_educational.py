"""`educational` with a scripted teacher: only rows whose tests pass and prove something, and a reason for every other reply."""

import asyncio
import random
import re
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from codewright.core.config import build
from codewright.core.errors import ConfigError
from codewright.core.manifest import Dataset
from codewright.core.records import Document, Reject, Sample
from codewright.core.rng import stable_hash
from codewright.models.backends.scripted import Script, ScriptedModel
from codewright.models.model import Reply, Sampling
from codewright.sandbox.job import Job, Result
from codewright.sandbox.lazy import LazySandbox
from codewright.synthesis.ask import Ask
from codewright.synthesis.methods.educational import Options, draw_seed, make
from codewright.synthesis.verify import Run, verify
from tests.corpus.documents import make_document, write_corpus
from tests.sandbox.opened import Opened
from tests.synthesis.rows import bytes_of
from tests.synthesis.slow_teacher import SlowTeacher


def scale(name: str, factor: int, offset: int = 0) -> str:
    return f"def {name}(values):\n    return [x * {factor} + {offset} for x in values if x]\n"


def fenced(code: str) -> str:
    return f"```python\n{code}```"


def exercise(name: str, code: str, tests: str, task: str = "") -> str:
    task = task or f"Write a function `{name}(values)`."
    return (
        f"## Task\n{task}\n\n## Function name\n`{name}`\n\n## Python solution\nIt is short.\n\n{fenced(code)}\n\n"
        f"**Assert statements:**\n{fenced(tests)}"
    )


def asserts(name: str, factor: int) -> str:
    return f"# Tests\nassert {name}([1, 0, 2]) == [{factor}, {2 * factor}]\nassert {name}([]) == []\n"


def teacher(prompt: str, sampling: Sampling) -> Reply:
    """Score, and set exercises, well or in one of the ways models fail; known from the request alone."""
    rng = random.Random(stable_hash("educational", prompt, sampling.seed))
    if "Score:" in prompt:
        points = rng.choice([3, 6, 7, 8, 9, 10])
        text = rng.choice(
            [f"Reason: so.\nScore: {points}", f"**Score:** {points}/10\nReason: it is so", "Good!"]
        )
        return Reply(text, "stop", 9, 9)
    name, factor = f"scale_{rng.randrange(10**9)}", rng.randrange(2, 9)
    task = f"Write `{name}(values)`. " + "Mind the zeros. " * rng.randint(0, 40)
    good = exercise(name, scale(name, factor), asserts(name, factor), task)
    kinds = {
        "good": good,
        "wrong": exercise(name, scale(name, factor + 1), asserts(name, factor)),
        "crash": exercise(name, scale(name, factor).replace("x *", "y *"), asserts(name, factor)),
        "endless": exercise(name, f"def {name}(values):\n    raise SystemExit\n", asserts(name, factor)),
        "no assert": exercise(name, scale(name, factor), f"{name}([1])\n"),
        "other name": exercise(name, scale("other", factor), asserts(name, factor)),
        "broken": exercise(name, scale(name, factor).replace(")", ""), asserts(name, factor)),
        "no tests": exercise(name, scale(name, factor), "").replace("```python\n```", "Try some."),
        "no code": exercise(name, "", asserts(name, factor)),
        "no headings": scale(name, factor),
        "cut off": good[: len(good) // 2],
        "empty": "",
    }
    kind = rng.choices([*kinds], [22] + [1] * (len(kinds) - 1))[0]
    return Reply(kinds[kind], "length" if kind == "cut off" else "stop", 50, 100)


@pytest.fixture
def synth(synth_by: Callable[..., Dataset], tmp_path: Path) -> Callable[..., Dataset]:
    documents = [
        make_document("\n\n".join(f"def f{n}(x):\n    return x + {n * one}" for n in range(3)) + "\n", f"f{one}.py")
        for one in range(200)
    ]  # fmt: skip
    return partial(synth_by, "educational", corpus=str(write_corpus(tmp_path / "corpus", documents)))


def test_rows_pass_when_they_are_run_again_and_everything_else_has_its_reason(
    synth: Callable[..., Dataset],
) -> None:
    dataset = synth(SlowTeacher(teacher), "plain", rows=10)
    counts = dataset.manifest.counts
    assert counts is not None
    assert counts.kept == 10
    assert counts.rows_in == 10 + sum(counts.dropped.values()) + counts.quarantined
    assert counts.quarantined == 0
    assert set(counts.dropped) <= {
        "unparsable_score", "low_score", "unparsable", "no_code", "no_tests", "no_entry_point", "syntax_error",
        "tests_failed", "tests_error", "tests_exited_early", "tests_prove_nothing", "cut_off", "empty_reply",
        "over_quota", "duplicate_seed",
    }  # fmt: skip
    assert {"unparsable_score", "low_score", "tests_failed", "tests_error"} <= set(counts.dropped)
    rows = [Sample.from_dict(row) for row in dataset.rows()]

    async def again() -> list[str]:
        async with LazySandbox("namespace") as sandbox:
            return [(await verify(sandbox.run, row.tests))[0].status for row in rows if row.tests]

    assert asyncio.run(again()) == ["passed"] * 10
    for row in rows:
        assert row.verdict is not None
        assert row.tests is not None
        assert (row.verdict.status, row.verdict.isolation) == ("passed", "namespace")
        assert row.tests.solution in row.messages[1].content
        assert f"`{row.tests.entry_point}(" in row.messages[0].content
        assert re.fullmatch(r"lines \d+-\d+; branches 2/2", row.origin.place or "")
    assert dataset.manifest.isolation == "namespace"


def test_equal_replies_give_equal_rows_in_any_order_and_after_a_stop(
    synth: Callable[..., Dataset], tmp_path: Path
) -> None:
    plain = synth(SlowTeacher(teacher, 1), "plain", rows=5)
    assert bytes_of(synth(SlowTeacher(teacher, 2), "other", rows=5)) == bytes_of(plain)
    with pytest.raises(ConfigError, match="the server is gone"):
        synth(SlowTeacher(teacher, 3, fail_after=6, error=ConfigError), "cut", rows=5)
    again = SlowTeacher(teacher, 4)
    assert bytes_of(synth(again, "cut", rows=5)) == bytes_of(plain)
    assert again.asked


How = Callable[[Run, Job], Awaitable[Result]]


async def plainly(run: Run, job: Job) -> Result:
    return await run(job)


Made = Callable[..., Sample | Reject]


@pytest.fixture(scope="module")
def made() -> Iterator[Made]:
    """Make what one document gives; how: stands between the method and the sandbox."""
    with Opened() as opened:

        def make_one(script: Script, how: How = plainly, **options: Any) -> Sample | Reject:
            async def collect() -> list[Sample | Reject]:
                document = make_document("def f(x):\n    return x\n", "f.py")
                values = build(Options, options, "test")
                run = partial(how, opened.sandbox.run)
                rows = make(document, Ask(ScriptedModel(script), 0), run, random.Random(0), values)
                return [row async for row in rows]

            [row] = opened.wait_for(collect())
            return row

        yield make_one


def replies(first: str, solutions: tuple[str, ...] = (), tests: tuple[str, ...] = ()) -> Script:
    """Give the exercise, then further solutions and test sets in order."""
    more, tried = iter(solutions), iter(tests)

    def script(prompt: str, _: Sampling) -> str:
        if "Score:" in prompt:
            return "Reason: fine\nScore: 9"
        if prompt.startswith("Solve"):
            return next(more)
        return next(tried) if prompt.startswith("Write tests") else first

    return script


GOOD, BAD = scale("scale", 2), scale("scale", 3)
TESTS, OTHER_TESTS = asserts("scale", 2), "assert scale([5]) == [10]\n"


def test_what_agrees_becomes_the_row(made: Made) -> None:
    script = replies(
        exercise("scale", BAD, asserts("scale", 3)),
        (f"So:\n{fenced(GOOD)}", fenced(GOOD.replace("x *", "1 * x *"))),
        (fenced(TESTS), fenced(OTHER_TESTS)),
    )
    row = made(script, solutions=3, test_sets=3)
    assert isinstance(row, Sample)
    assert row.messages[1].content == f"So:\n{fenced(GOOD)}"
    assert row.tests is not None
    assert row.tests.solution == GOOD
    assert row.tests.code == f"{TESTS}\n{OTHER_TESTS}"


@pytest.mark.parametrize(
    ("solutions", "tests"),
    [
        ((fenced(GOOD), "I cannot"), (fenced(TESTS),)),  # one of three
        ((fenced(BAD), fenced(BAD)), (fenced(TESTS), fenced(OTHER_TESTS), "no")),  # tests of one of four
    ],
)
def test_too_few_that_agree(made: Made, solutions: tuple[str, ...], tests: tuple[str, ...]) -> None:
    script = replies(exercise("scale", BAD, asserts("scale", 3)), solutions, tests)
    row = made(script, solutions=1 + len(solutions), test_sets=1 + len(tests))
    assert isinstance(row, Reject)
    assert row.reason == "no_agreement"


@pytest.mark.parametrize(
    ("solution", "tests", "options", "reason"),
    [
        (GOOD, "assert scale([1]) != [3]\n", {}, "tests_prove_nothing"),
        (GOOD, "assert scale([1]) != [3]\n", {"test_sets": 2}, "tests_prove_nothing"),
        ("def scale(values):\n    yield 2\n", "assert list(scale([1])) == [2]\n", {}, "tests_not_plain"),
        ("import time\n" + GOOD + "assert time.time_ns() < 0\n", TESTS, {}, "tests_failed"),
        ("def scale(values):\n    return values if values else [0]\n", "assert scale([1]) == [1]\n", {"least_branches": 0.6}, "tests_miss_branches"),
    ],
)  # fmt: skip
def test_why_a_row_is_refused(
    made: Made, solution: str, tests: str, options: dict[str, Any], reason: str
) -> None:
    row = made(replies(exercise("scale", solution, tests), tests=(fenced(tests),)), **options)
    assert isinstance(row, Reject)
    assert row.reason == reason


def test_values_that_are_not_plain_pass_in_one_process_where_that_is_allowed(made: Made) -> None:
    solution = "def scale(values):\n    yield 2\n"
    script = replies(exercise("scale", solution, "assert list(scale([1])) == [2]\n"))
    row = made(script, allow_inproc=True)
    assert isinstance(row, Sample)
    assert row.verdict is not None
    assert row.tests is not None
    assert (row.tests.mode, row.verdict.forgeable) == ("inproc", True)


def test_what_passes_once_and_not_again_is_flaky(made: Made) -> None:
    times = 0

    async def changing(run: Run, job: Job) -> Result:
        """Run another solution the second time, as one that depends on the time of day would be."""
        nonlocal times
        times += GOOD in job.files.values()
        return await run(replace(job, files={"solution.py": BAD}) if times == 2 else job)

    row = made(replies(exercise("scale", GOOD, TESTS)), changing)
    assert isinstance(row, Reject)
    assert row.reason == "flaky"


@pytest.mark.parametrize(
    "text", ["Score: 0", "Score: 11", "Score: 7\nScore: 3", "Score: high", "score is 7 or 8"]
)
def test_no_one_score(made: Made, text: str) -> None:
    row = made(lambda *_: text)
    assert isinstance(row, Reject)
    assert row.reason == "unparsable_score"


def test_a_seed_is_a_function_where_there_is_one_that_is_short_enough() -> None:
    long = "def long(x):\n" + "    x += 1\n" * 50
    text = f"import os\n\n\ndef one(x):\n    return x\n\n\n{long}\n\nasync def two():\n    return 2\n"
    document = Document("d", text, "a.py", "r", "python")
    drawn = {draw_seed(document, 40, random.Random(seed)) for seed in range(30)}
    assert drawn == {
        ("def one(x):\n    return x", "lines 4-5"), ("async def two():\n    return 2", "lines 61-62"),
    }  # fmt: skip
    other = Document("d", "\n".join(map(str, range(100))), "a.go", "r", "go")
    for seed in range(30):
        snippet, place = draw_seed(other, 40, random.Random(seed))
        first = int(snippet.split("\n")[0])
        assert snippet.split("\n") == [str(line) for line in range(first, first + 40)]
        assert place == f"lines {first + 1}-{first + 40}"
    assert draw_seed(Document("d", "", "a.go", "r", "go"), 40, random.Random(0))[0] == ""
