"""What is loaded for an evaluation: under one name, with what was asked for and what there is besides."""

from pathlib import Path

import pytest

from codewright.core.errors import ConfigError
from codewright.core.io import write_jsonl
from codewright.evals.benchmark import load_benchmark
from codewright.evals.limits import describe_limits
from codewright.evals.plus import CALL_FLOOR_S
from codewright.evals.session import Options, load


def row(number: int) -> dict[str, str]:
    prompt = f"def f{number}():\n"
    return {
        "task_id": f"t/{number}",
        "prompt": prompt,
        "entry_point": f"f{number}",
        "canonical_solution": "    return 1\n",
        "test": "def check(f):\n    assert f() == 1\n",
    }


def translated(language: str) -> dict[str, str]:
    return {"task_id": "t/0", "language": language, "prompt": "function f(x)", "tests": "f(1)"}


def test_problems_of_a_file_have_the_benchmarks_name(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "mine.jsonl", [row(0), row(1), row(2)])
    found = load("humaneval", Options(data=str(tmp_path / "mine.jsonl"), limit=2))
    assert {problem.benchmark for problem in found.problems} == {"humaneval"}
    assert (len(found.problems), found.of, len(found.known)) == (2, 3, 3)


def test_languages_by_any_of_their_names(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "all.jsonl", [translated(name) for name in ("js", "php", "lua")])
    data = str(tmp_path / "all.jsonl")
    found = load("multipl_e", Options(data=data, languages=("js", "PHP")))
    assert [problem.language for problem in found.problems] == ["javascript", "php"]
    assert found.asked == {"javascript", "php"} and ("lua", "t/0") in found.known
    with pytest.raises(ConfigError, match=r"no language 'jva'.*there are: javascript, lua, php"):
        load("multipl_e", Options(data=data, languages=("jva",)))


def test_limits_of_single_calls_are_said_where_there_are_any() -> None:
    said = describe_limits(1.0, load_benchmark("humaneval_plus").limits)
    assert said["call_cpu_s"] == (
        f"{CALL_FLOOR_S:g} x slowness, or 10 x the reference's call if that is more"
    )
    assert "call_cpu_s" not in describe_limits(1.0, load_benchmark("humaneval").limits)
