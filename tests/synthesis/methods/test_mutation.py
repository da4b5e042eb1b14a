"""The method `mutation`: its dialogues are what the sandbox shows, and everything else is left out with its reason."""

import asyncio
import random
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from codewright.core.manifest import Dataset
from codewright.core.records import Document, Reject, Sample
from codewright.sandbox.job import Job, Limits, Result
from codewright.sandbox.lazy import LazySandbox
from codewright.synthesis.methods import mutation
from codewright.synthesis.methods.mutation import Options, make
from codewright.synthesis.mutants import OPERATORS, Mutant
from codewright.synthesis.verify import Run

MODULE = '''
import math
from string import ascii_letters

LIMIT = 10


def clip(value, low=0):
    """Keep a value between low and the limit.

    >>> clip(-3)
    0
    >>> clip(10), clip(11)
    (10, 10)
    """
    if value < low:
        return low
    # the limit itself may stay
    return min(value, LIMIT)


def root(n):
    """Return the whole part of the square root.

    >>> root(10)
    3
    """

    if n < 0:
        raise ValueError("negative")
    return math.floor(math.sqrt(n))


def count(text, letter):
    found = 0
    for one in text.strip():
        if one == letter and one in ascii_letters:
            found += 1
    return found


def test_count():
    assert count("banana", "a") == 3
'''

LOOP = '''
def down(n):
    """Count down to zero.

    >>> down(3)
    0
    """
    while n > 0:
        n -= 1
    return n
'''


def rows_of(
    source: str, options: Options | None = None, seed: int = 0, run: Run | None = None
) -> list[Sample | Reject]:
    async def collect() -> list[Sample | Reject]:
        doc = Document("d1", source, "a.py", "repo", "python")
        async with LazySandbox("namespace") as sandbox:
            rows = make(doc, None, run or sandbox.run, random.Random(seed), options or Options())
            return [row async for row in rows]

    return asyncio.run(collect())


@cache
def rows_of_module() -> list[Sample | Reject]:
    return rows_of(MODULE)


def run_all(jobs: list[Job]) -> list[Result]:
    async def collect() -> list[Result]:
        async with LazySandbox("namespace") as sandbox:
            return [await sandbox.run(job) for job in jobs]

    return asyncio.run(collect())


def reasons(rows: list[Sample | Reject]) -> Counter[str]:
    return Counter(row.reason for row in rows if isinstance(row, Reject))


def blocks(text: str) -> list[str]:
    return re.findall(r"```(?:python)?\n(.*?)```", text, re.DOTALL)


def test_what_a_dialogue_says_is_what_the_sandbox_shows_again() -> None:
    made = [row for row in rows_of(MODULE, Options(per_function=20)) if isinstance(row, Sample)]
    assert len({row.origin.place for row in made}) == len(made) > 10
    jobs = []
    for row in made:
        user, assistant = row.messages
        assert (user.role, assistant.role, row.task, row.form) == ("user", "assistant", "repair", "chat")
        (file, _), (repaired,) = blocks(user.content), blocks(assistant.content)
        check = "\n\n\n" + file.rpartition("\n\n\n")[2]
        assert row.tests is not None
        assert row.tests.solution == repaired
        jobs.append(Job("inproc", {"solution.py": file}))
        jobs.append(Job("inproc", {"solution.py": repaired + check}))
        jobs.append(
            Job(
                row.tests.mode,
                {"solution.py": repaired},
                entry_point=row.tests.entry_point,
                tests=row.tests.code,
            )
        )  # type: ignore[arg-type]
    results = run_all(jobs)
    for row, broken, checked, tested in zip(made, results[::3], results[1::3], results[2::3], strict=True):
        assert broken.status in {"failed", "error"}
        assert broken.stderr == blocks(row.messages[0].content)[1]
        assert (checked.status, tested.status) == ("passed", "passed")
        assert row.verdict is not None
        assert (row.verdict.status, row.verdict.isolation) == ("passed", "namespace")


def test_the_function_brings_its_module_s_constants_and_loses_its_docstring() -> None:
    made = [row for row in rows_of_module() if isinstance(row, Sample)]
    by_name = {row.tests.entry_point: row for row in made if row.tests}
    assert by_name.keys() == {"clip", "root", "count"}
    clip, root, count = by_name["clip"], by_name["root"], by_name["count"]
    assert clip.tests is not None
    assert clip.tests.solution.startswith("LIMIT = 10\n\n\ndef clip(value, low=0):\n    if value < low:\n")
    assert clip.tests.code == "assert clip(-3) == 0\nassert (clip(10), clip(11)) == (10, 10)\n"
    assert "Keep a value between low and the limit." in clip.messages[0].content
    assert ">>>" not in clip.messages[0].content
    assert root.tests is not None
    assert root.tests.solution.startswith("import math\n\n\ndef root(n):\n    if n < 0:\n")
    assert count.tests is not None
    assert count.tests.code == "assert count('banana', 'a') == 3\n"


def test_operators_differ_within_a_function_and_stand_in_the_row() -> None:
    made = [row for row in rows_of_module() if isinstance(row, Sample)]
    places = [(row.origin.place or "").split(", ") for row in made]
    assert Counter(lines for lines, _ in places) == {"lines 8-19": 3, "lines 22-31": 2, "lines 34-39": 3}
    assert {operator for _, operator in places} <= OPERATORS.keys()
    assert len({tuple(place) for place in places}) == 8
    assert len([row for row in rows_of(MODULE, Options(per_function=1)) if isinstance(row, Sample)]) == 3


def test_the_seed_decides() -> None:
    first = rows_of_module()
    assert rows_of(MODULE) == first
    assert rows_of(MODULE, seed=1) != first


def test_survivors_and_endless_loops_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mutation, "_LIMITS", Limits(cpu_s=0.2))
    rows = rows_of(LOOP, Options(per_function=30))
    found = reasons(rows)
    assert found["mutant_timeout"] >= 1
    weak = MODULE.replace("assert count", "assert 0 <= count").replace("== 3", "")
    survived = [row for row in rows_of(weak, Options(per_function=30)) if isinstance(row, Reject)]
    assert "count" in {row.detail.split(",")[0] for row in survived if row.reason == "mutant_survived"}


def only(monkeypatch: pytest.MonkeyPatch, body: str = "", source: str = "") -> None:
    """Let the method see just one mutant, of `def f(a)`."""
    made = [Mutant("wrong_name", source or f"def f(a):\n    {body}\n", 2, "x", "y", "")]
    monkeypatch.setattr(mutation, "OPERATORS", {"wrong_name": None})
    monkeypatch.setattr(mutation, "mutants_of", lambda code, operator: made)
    monkeypatch.setattr(mutation, "_LIMITS", Limits(cpu_s=0.2))


@pytest.mark.parametrize(
    ("reason", "body"),
    [
        ("mutant_survived", "return 0 + a"),
        ("mutant_equivalent", "return (a)"),
        ("mutant_compile_error", "return (a"),
        ("mutant_timeout", "while a: pass"),
        ("mutant_exited_early", "raise SystemExit"),
        ("mutant_recursion", "return f(a)"),
        ("message_unreadable", "return 'x' * 500"),
        ("message_unreadable", "return object()"),
        ("machine_path", "import json; return json.loads(a)"),
        ("flaky", "import time; return -time.time_ns()"),
    ],
)
def test_mutants_that_give_no_row(reason: str, body: str, monkeypatch: pytest.MonkeyPatch) -> None:
    only(monkeypatch, body)
    source = 'def f(a):\n    """Return it.\n\n    >>> f(1)\n    1\n    """\n    return a\n'
    rows = rows_of(source)
    assert [row.reason for row in rows if isinstance(row, Reject)] == [reason]
    assert len(rows) == 1


def test_a_check_that_leans_on_the_ones_before_gives_no_row(monkeypatch: pytest.MonkeyPatch) -> None:
    source = (
        'xs = []\n\n\ndef f(a):\n    """Count.\n\n    >>> f(1)\n    1\n    >>> f(1)\n    2\n    """\n'
        "    xs.append(a)\n    return len(xs)\n"
    )
    only(monkeypatch, source="xs = []\n\n\ndef f(a):\n    xs.append(a)\n    return 1\n")
    assert reasons(rows_of(source)) == {"check_needs_others": 1}


def test_of_several_lines_the_first_names_the_exception(monkeypatch: pytest.MonkeyPatch) -> None:
    body = "try: {}[1]\n    except KeyError: raise ValueError('one\\ntwo: three')"
    only(monkeypatch, body)
    source = 'def f(a):\n    """Return it.\n\n    >>> f(1)\n    1\n    """\n    return a\n'
    (row,) = rows_of(source)
    assert isinstance(row, Sample)
    assert "During handling of the above exception" in row.messages[0].content
    assert "`ValueError`" in row.messages[1].content


def test_a_verdict_that_changes_between_two_runs_is_flaky(monkeypatch: pytest.MonkeyPatch) -> None:
    only(monkeypatch, "return a + 1")
    source = 'def f(a):\n    """Return it.\n\n    >>> f(1)\n    1\n    """\n    return a\n'
    calls: list[Job] = []

    async def moody(job: Job) -> Result:
        calls.append(job)
        status = "passed" if job.mode == "split" or "a + 1" not in job.files["solution.py"] else "failed"
        line = job.files["solution.py"].count("\n")
        text = f'Traceback (most recent call last):\n  File "solution.py", line {line}, in <module>\nAssertionError: got {len(calls)}\n'
        return Result(status, "", text if status == "failed" else "", 0, 0, 0, "fake", False)  # type: ignore[arg-type]

    assert reasons(rows_of(source, run=moody)) == {"flaky": 1}
    assert len(calls) == 5


@pytest.mark.parametrize(
    ("reason", "source"),
    [
        ("decorated", '@cache\ndef f(x):\n    """D.\n\n    >>> f(1)\n    1\n    """\n    return x\n'),
        ("one_liner", 'def f(x): return x\nassert f(1) == 1\n'),
        ("one_liner", 'def f(x):\n    """>>> f(1)\n    1"""; return x\n'),
        ("one_liner", 'def f(x):\n    """>>> f(1)\n    1"""\n'),
        ("needs_context", 'def f(x):\n    """>>> f(1)\n    1\n    """\n    return numpy.x\n'),
        ("no_checks", 'def f(x):\n    """>>> f(y)\n    1\n    """\n    return x\n'),
        ("has_fence", 'def f(x):\n    """>>> f(1)\n    1\n    """\n    return "```"\n'),
        ("too_long", 'def f(x):\n    """>>> f(1)\n    1\n    """\n' + "    x += 1\n" * 200 + "    return x\n"),
        ("tests_failed", 'def f(x):\n    """>>> f(1)\n    2\n    """\n    return x\n'),
        ("tests_error", 'def f(x):\n    """>>> f(1)\n    2\n    """\n    return x.y\n'),
    ],
)  # fmt: skip
def test_functions_left_out_say_why(reason: str, source: str) -> None:
    assert [row.reason for row in rows_of(source) if isinstance(row, Reject)] == [reason]


def test_a_dialogue_has_to_fit() -> None:
    longest = max(
        sum(len(turn.content) for turn in row.messages) for row in rows_of_module() if isinstance(row, Sample)
    )
    rows = rows_of(MODULE, Options(max_chars=longest - 1))
    assert reasons(rows)["too_long"] >= 1
    assert all(
        sum(len(turn.content) for turn in row.messages) < longest for row in rows if isinstance(row, Sample)
    )


@pytest.mark.parametrize(
    "source",
    [
        "",
        "x = 1  # >>> \n",
        "def broken(:\n    '''>>> f(1)'''\n",
        "\0>>> f(1)",
        "def f():\n    '''>>> f(1)\n    1\n    '''\n    return " + "(" * 1000 + ")" * 1000 + "\n",
        "def f():\n    '''>>> f(1)\n    1\n    '''\n    return " + "-" * 1000 + "1\n",
        "def f(x=" + "-" * 1000 + "1):\n    '''>>> f(1)\n    1\n    '''\n    return x\n",
        "def f():\n    '''>>> f(" + "-" * 1000 + "1)\n    1\n    '''\n    return 1\n",
        "".join(" " * depth + "if x:\n" for depth in range(99)) + " " * 99 + "assert f(1)\n",
        "def f():\n    '''\ud800 >>> f(1)\n    1\n    '''\n    return 1\n",
    ],
    ids=range(10),
)
def test_hostile_files_give_nothing_and_break_nothing(source: str) -> None:
    assert [row for row in rows_of(source) if isinstance(row, Sample)] == []


def test_as_a_stage_over_a_corpus(run_stages: Callable[..., Any], tmp_path: Path) -> None:
    for name, text in (("a", MODULE), ("b", LOOP)):
        (tmp_path / "source" / name).mkdir(parents=True)
        (tmp_path / "source" / name / "maths.py").write_text(text)
    source = {"source": [str(tmp_path / "source")], "rules": "none", "heldout": 0}
    corpus = {"corpus.build": {"id": "corpus", **source}}
    stage = {"id": "rows", "method": "mutation", "corpus": "corpus", "rows": 9}
    run_stages([corpus, {"synth": stage}], out=tmp_path / "one")
    again = {**stage, "corpus": str(tmp_path / "one" / "corpus")}
    run_stages([{"synth": again}], out=tmp_path / "two")
    dataset = Dataset(tmp_path / "one" / "rows")
    rows = list(dataset.rows())
    assert len(rows) == 9
    assert rows == list(Dataset(tmp_path / "two" / "rows").rows())
    counts = dataset.manifest.counts
    assert counts is not None
    assert counts.rows_in == counts.kept + sum(counts.dropped.values())
    assert dataset.manifest.details["verdicts"] == {"passed": 9}
    assert dataset.manifest.details["tasks"] == {"repair (chat)": 9}


def test_other_languages_are_none_of_its_business() -> None:
    async def collect() -> list[Sample | Reject]:
        doc = replace(Document("d1", MODULE, "a.js", "repo", "javascript"))
        return [row async for row in make(doc, None, None, random.Random(0), Options())]  # type: ignore[arg-type]

    assert asyncio.run(collect()) == []
