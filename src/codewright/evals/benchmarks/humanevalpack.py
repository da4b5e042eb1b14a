"""`humanevalpack`: HumanEvalPack (OctoPack, arXiv 2308.07124), six languages, three tasks.

synthesize: write a function from its documentation. fix_tests, fix_docs: repair one, with its tests or its documentation to go
by. explain: say what a function does, then write it again from nothing but that explanation; the second answer counts.

Rows: task_id, prompt, declaration, signature, canonical_solution, buggy_solution, test, docstring, entry_point; Go's test_setup.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from codewright.core import extract as core_extract
from codewright.core.errors import ConfigError, DataError
from codewright.core.extract import Extraction
from codewright.core.io import read_jsonl
from codewright.core.records import Answer, AnswerForm, Message, Problem
from codewright.evals.benchmark import Outcome, Run
from codewright.evals.pack_programs import (
    FILES,
    continued_program,
    function_name,
    head_of,
    opening_without_docs,
    sound_tests,
    whole_program,
)
from codewright.evals.sources import Source
from codewright.evals.standing_alone import missing_toolchain
from codewright.sandbox.job import Job, Result

VARIANTS = ("synthesize", "fix_tests", "fix_docs", "explain")

_HUB = "hf://datasets/bigcode/humanevalpack@48dbcf3b8935a9f4077f4f0622c9a931f5a453a5/data"
"""The last revision with JSON Lines; main holds Parquet since."""

SOURCES = tuple(
    Source(f"{name}.jsonl", f"{_HUB}/{name}/data/humanevalpack.jsonl", sha256)
    for name, sha256 in (
        ("cpp", "891a390c1b9d2cb85dd8fbebcf1d88dbdd565734a6b2b3259f9ddb3fe95e33d7"),
        ("go", "0ee2cdca46d70afb33d913a0d4b205624fe4ded2f28c2efdb241727221837993"),
        ("java", "a8d077d300bbdc2eda91e1a733deb2944678bce8fcc7eb272214626516768cc1"),
        ("js", "04c86c1fac5f33818d9187cba278ed1dfc66cc259372dd8342126aa580fb7569"),
        ("python", "b1376d72be4bd016a62ad043d9de3846edb8d63edf1222da802a31330c14c3a7"),
        ("rust", "01ece28eaf490d7af037ce53095083dacfd38022cf5b82662ccb78024dc269a1"),
    )
)

_LANGUAGES = {
    "Python": ("python", "Python"),
    "JavaScript": ("javascript", "JavaScript"),
    "Java": ("java", "Java"),
    "Go": ("go", "Go"),
    "CPP": ("cpp", "C++"),
    "Rust": ("rust", "Rust"),
}
"""What task_ids begin with -> our name, the name in prose."""

_NEEDED = ("task_id", "prompt", "declaration", "signature", "canonical_solution", "buggy_solution", "test", "docstring", "entry_point")  # fmt: skip
_KEPT = ("prompt", "declaration", "signature", "buggy_solution", "test", "docstring")

FAILING = {
    "JavaScript/162": "needs npm's js-md5",
    "Rust/32": "Newton's method, which does not converge on every polynomial that the tests draw at random",
}
"""Canonical solutions that may fail, with the cause. The first passes where the package is installed, the other one time in five."""


def problems(path: str | None, variant: str) -> list[Problem]:
    """Load a language's file or a folder of them. Raises ConfigError for a missing field, a double task_id, a damaged file."""
    if path is None:
        raise ConfigError("benchmark humanevalpack: give its folder, or the file of one language")
    place = Path(path)
    files = sorted(place.glob("*.jsonl*")) if place.is_dir() else [place]
    found: dict[str, Problem] = {}
    try:
        for file in files:
            for line, row in read_jsonl(file):
                problem = _problem(row, variant, f"{file}, line {line}")
                if problem.task_id in found:
                    raise ConfigError(f"{file}, line {line}: task_id '{problem.task_id}' stands there twice")
                found[problem.task_id] = problem
    except DataError as error:
        raise ConfigError(f"benchmark file {error}") from None
    if not found:
        raise ConfigError(f"benchmark humanevalpack: {path}: holds no problem")
    return list(found.values())


def _problem(row: Mapping[str, Any], variant: str, place: str) -> Problem:
    for field in _NEEDED:
        if not isinstance(row.get(field), str):
            raise ConfigError(
                f"{place}: not a row of HumanEvalPack: '{field}' is missing or not text (found: {', '.join(sorted(row))})"
            )
    prefix = row["task_id"].partition("/")[0]
    if prefix not in _LANGUAGES:
        raise ConfigError(f"{place}: task_id '{row['task_id']}' names no language of HumanEvalPack")
    language = _LANGUAGES[prefix][0]
    documented = variant in ("synthesize", "fix_docs")
    try:
        without = opening_without_docs(language, row)
        head_of(without, row)
    except ValueError:
        raise ConfigError(
            f"{place}: the signature '{row['signature']}' does not stand in the declaration"
        ) from None
    return Problem(
        f"humanevalpack:{variant}",
        row["task_id"],
        row["prompt"] if documented else without,
        function_name(row),
        row["canonical_solution"],
        row["test"],
        language,
        {
            **{field: row[field] for field in _KEPT},
            "test_setup": row.get("test_setup") or "",
            "opening": without,
            "variant": variant,
        },
    )


# --------------------------------------------------------------------------------------------------------- how to ask


def _prose_name(problem: Problem) -> str:
    return _LANGUAGES[problem.task_id.partition("/")[0]][1]


def _fenced(problem: Problem, code: str) -> str:
    return f"```{problem.language}\n{code.strip()}\n```"


def _whole(problem: Problem) -> str:
    inside = ", inside its class `Solution`" if problem.language == "java" else ""
    return f"Answer with one code block that holds the whole function{inside}, without tests and without a main program."


def _question(problem: Problem) -> str:
    """Return the task in words, with the code it is about."""
    name, language = problem.entry_point, _prose_name(problem)
    variant, buggy = problem.meta["variant"], problem.prompt + problem.meta["buggy_solution"]
    if variant == "fix_tests":
        return (
            f"The {language} function `{name}` has a bug: it fails its tests. Repair it and leave its signature as it is.\n\n"
            f"{_fenced(problem, buggy)}\n\nThe tests:\n\n{_fenced(problem, problem.tests)}"
        )
    if variant == "fix_docs":
        return (
            f"The {language} function `{name}` has a bug: it does not do what its documentation says. "
            f"Repair it and leave its signature as it is.\n\n{_fenced(problem, buggy)}"
        )
    if variant == "explain":
        code = problem.prompt + problem.canonical_solution
        return (
            f"Explain in words what the {language} function `{name}` does, so exactly that somebody who knows only your "
            f"explanation can write it again. Use at most {_explanation_limit(problem)} characters and no code.\n\n"
            f"{_fenced(problem, code)}"
        )
    return (
        f"Write the {language} function `{name}` as its documentation says. Keep its signature.\n\n"
        f"{_fenced(problem, problem.prompt)}"
    )


def chat(problem: Problem) -> tuple[Message, ...]:
    """Ask for the function; with `explain` for the explanation."""
    question = _question(problem)
    if problem.meta["variant"] != "explain":
        question += f"\n\n{_whole(problem)}"
    return (Message("user", question),)


def text(problem: Problem) -> str:
    """Ask a base model: the question, then an answer that has begun. Source of the style: the paper's appendix on prompts."""
    begun = "" if problem.meta["variant"] == "explain" else problem.prompt.rstrip()
    return f"Question: {_question(problem)}\n\nAnswer:\n{begun}"


def follow_up(problem: Problem, reply: str) -> tuple[Message, ...] | None:
    """With `explain`: ask for the function from the explanation alone."""
    if problem.meta["variant"] != "explain":
        return None
    return (
        Message(
            "user",
            f"Write the {_prose_name(problem)} function that is explained here:\n\n{_explanation(problem, reply)}\n\n"
            f"It begins like this:\n\n{_fenced(problem, problem.prompt)}\n\n{_whole(problem)}",
        ),
    )


def _explanation_limit(problem: Problem) -> int:
    """Return how many characters an explanation may have: those of the documentation it replaces (section 3 of the paper)."""
    return len(problem.meta["docstring"])


_NO_EXPLANATION = re.compile(r"\A.*</think>|```.*?(?:```|\Z)", re.DOTALL)

_TELLING_CHARACTERS = 20
"""A line of the solution as long as this is taken out of an explanation. Source: bigcode-evaluation-harness, humanevalpack.py."""


def _explanation(problem: Problem, reply: str) -> str:
    """Cut a reply to its limit and take thoughts and code out, so that nothing but an explanation is handed on."""
    words = _NO_EXPLANATION.sub("", reply).strip()[: _explanation_limit(problem)]
    for line in map(str.strip, problem.canonical_solution.split("\n")):
        if len(line) > _TELLING_CHARACTERS:
            words = words.replace(line, "")
    return words.strip()


# --------------------------------------------------------------------------------------------------------- how to run


def extract(problem: Problem, response: str, form: AnswerForm) -> Extraction:
    """Take the function out of an answer; a continuation goes on from the problem's opening, not from the question."""
    hints = {"language": problem.language, "entry_point": problem.entry_point}
    if form == "completion":
        return core_extract.from_completion(problem.prompt.rstrip(), response, **hints)
    return core_extract.from_chat(response, prompt=problem.prompt, **hints)


def references(problem: Problem) -> list[Answer]:
    """Return the canonical solution."""
    return [_continued(problem, problem.canonical_solution)]


def buggy(problem: Problem) -> Answer:
    """Return the published buggy solution as an answer; it must not pass."""
    return _continued(problem, problem.meta["buggy_solution"])


def _continued(problem: Problem, body: str) -> Answer:
    return Answer(problem.benchmark, problem.task_id, 0, "completion", "", "", problem.prompt + body)


def runnable(problem: Problem) -> str | None:
    """Say which toolchain is missing."""
    return missing_toolchain(problem.language)


def job(problem: Problem, answer: Answer) -> Job:
    """Run an answer with its problem's tests: Python's in a process of its own, the others' in the program."""
    language, file = problem.language, FILES[problem.language]
    if answer.form == "program":
        return Job("script", {file: answer.solution}, language=language)
    row, source = problem.meta, _without_question(problem, answer.solution)
    goes_on = answer.form == "completion" and source.startswith(problem.prompt.rstrip())
    program = (continued_program if goes_on else whole_program)(language, row, source)
    if language == "python":
        # Three tests call helpers that stand in the prompt: they get the prompt's own, which an answer cannot replace.
        return Job(
            "split",
            {file: program},
            entry_point=problem.entry_point,
            tests=problem.tests,
            prelude=row["prompt"],
        )
    return Job("script", {file: program}, language=language, tests=sound_tests(language, problem.tests))


def _without_question(problem: Problem, solution: str) -> str:
    """Return an answer from where it begins: those made elsewhere are joined to all that a base model was shown."""
    return solution.removeprefix(text(problem).removesuffix(problem.prompt.rstrip()))


async def judge(problem: Problem, answer: Answer, run: Run) -> Outcome:
    """Run an answer. A pass of a whole program is forgeable: its tests are its own."""
    result = await run(job(problem, answer))
    if answer.form == "program":
        result = replace(result, forgeable=True)
    return Outcome(result, passed(problem, result))


def passed(problem: Problem, result: Result) -> bool:
    """Judge: all tests ran and held."""
    return result.status == "passed"
