"""`multipl_e`: MultiPL-E (arXiv 2208.08227), HumanEval translated into 18 languages, and the Python it comes from.

Rows: task_id or name, language (the file ending), prompt, tests or test, stop_tokens; Python's are HumanEval's with test.
Answers are continuations, functions, or whole programs with their tests, which is how they are published.
Variants: `tests_hold`, every test ran and held; `as_published`, the rule that published C# verdicts follow, by which a program that
dies passes unless it prints "Fail".
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from codewright.core import extract as core_extract
from codewright.core.errors import ConfigError, DataError
from codewright.core.extract import Extraction
from codewright.core.io import read_jsonl
from codewright.core.records import Answer, AnswerForm, Message, Problem
from codewright.evals.answers import LANGUAGE_NAMES
from codewright.evals.benchmark import Outcome, Run
from codewright.evals.braces import count_open, find_close
from codewright.evals.sources import Source
from codewright.evals.standing_alone import (
    go_program,
    missing_toolchain,
    python_program,
    rust_program,
    without_main,
)
from codewright.sandbox.job import Job, Result

_PUBLISHED = "https://raw.githubusercontent.com/deepseek-ai/DeepSeek-Coder"
_FIRST, _SECOND, _RUST = (
    "0e3ea036809378139b453232558cc1f28cdaa326",
    "a4ba628dfdc2e56f1fd6cdd86df103ce4d3df73e",
    "d3038879186777617a28c51591e1438ac42477e6",
)

SOURCES = tuple(
    Source(
        f"humaneval-{ending}.jsonl",
        f"{_PUBLISHED}/{commit}/Evaluation/HumanEval/data/humaneval-{'rust' if ending == 'rs' else ending}.jsonl",
        sha256,
    )
    for ending, commit, sha256 in (
        ("cpp", _SECOND, "8717eabdf202137158c84506144b0fb1e73d5ecccbe5363ec79009ca014df629"),
        ("cs", _FIRST, "1c3fe18be10addc2d0b96311f4db192ae3232e08628d17768d889d6ab87be224"),
        ("d", _FIRST, "226938c015f90d713a3e30d8f174f4a6d2c88820cf50512379a16890dda70332"),
        ("go", _FIRST, "7f5dfe3ff001049b1221e9d21a8119b5cbc38eb87c97fefc5d57fa7adc1df888"),
        ("java", _FIRST, "b21b015763452ec4f9f4e0e6425148ec331ace4da1232c8b4d441186185f6265"),
        ("jl", _SECOND, "ef21bd920889c9c1ab0e87a825cc26bd895e7a715f569f8ba7de577f870b6815"),
        ("js", _SECOND, "634e2eee8d6e22de07c121b972207683dd96be76256bf44bdfc1a3386b739287"),
        ("lua", _FIRST, "d2e91f3603f6aee63db2c2d5754d165397603a8c9bd6130842af7988b27a96fc"),
        ("php", _FIRST, "bebd86875b1d8e65a8b7e692ed7bdf64612b44aa388825ea4dab40c7047c786b"),
        ("pl", _SECOND, "949048bff3eaea7ae47cd5759042c088a7c227d53c74fe95a80728fd5aefbf77"),
        ("python", _FIRST, "0eae07adadbb00d51962fdb78b9e2a26bfa8ade85dc54eb57cae9bffed2f5c54"),
        ("r", _FIRST, "c2a3268ea54d2bfb8ce65bb2c808437ac0d9934c6caf99fcf75d6b6a4fb3f911"),
        ("rb", _FIRST, "4204395b835019e32d55513325a0fad01c6d382fd1eb97b516f0458d00058302"),
        ("rkt", _SECOND, "083325daf55daf431ae6d6d17cf017afb18a6ec790d4c841b7c2b4752c5807ff"),
        ("rs", _RUST, "e33f562838e973b7e6b8d76dbc1fb84b076d7426629b4cdc624f12678778d2fa"),
        ("scala", _SECOND, "482b72a16613a563755d642e37792da68471399789b069fba5b1249e831445f3"),
        ("sh", _FIRST, "2f702106e9ce4aa7385de568d9248d6c57c90382d782b162cb9e072fbd01ccf8"),
        ("swift", _SECOND, "e4418d6f532e4298969e727690cda80dc88b94e4abf836f8ff79ac18a737eaaa"),
        ("ts", _SECOND, "4b1af1050c9f226335d54a8c80553c39454a525cace3e67bdcfcc9092ba02637"),
    )
)

_FILES = {
    "bash": ("main.sh", "Bash"),
    "cpp": ("main.cpp", "C++"),
    "csharp": ("Main.cs", "C#"),
    "d": ("main.d", "D"),
    "go": ("main.go", "Go"),
    "java": ("Problem.java", "Java"),
    "javascript": ("main.js", "JavaScript"),
    "julia": ("main.jl", "Julia"),
    "lua": ("main.lua", "Lua"),
    "perl": ("main.pl", "Perl"),
    "php": ("main.php", "PHP"),
    "python": ("main.py", "Python"),
    "r": ("main.r", "R"),
    "racket": ("main.rkt", "Racket"),
    "ruby": ("main.rb", "Ruby"),
    "rust": ("main.rs", "Rust"),
    "scala": ("main.scala", "Scala"),
    "swift": ("main.swift", "Swift"),
    "typescript": ("main.ts", "TypeScript"),
}
"""Our language -> a program's file, the name in prose. Java's file is named after the class that the tests complete."""

_SIGNATURES = {"perl": r"sub\s+(\w+)", "r": r"(\w+)\s*<-\s*function", "racket": r"\(define\s+\((\S+)"}
_SIGNATURE = r"(\w+)\s*\("

_IN_CLASS = ("csharp", "java", "scala")
_IMPORTS = {
    "cpp": re.compile(r"^#include.*\n", re.MULTILINE),
    "csharp": re.compile(r"^using\s+[\w.=\s]+;[ \t]*\n?", re.MULTILINE),
    "d": re.compile(r"^import\s[^;]*;[ \t]*\n?", re.MULTILINE),
    "java": re.compile(r"^import\s[^;]*;[ \t]*\n?", re.MULTILINE),
    "racket": re.compile(r"^#lang.*\n", re.MULTILINE),
    "rust": re.compile(r"^use\s[^;]*;[ \t]*\n?", re.MULTILINE),
    "scala": re.compile(r"^import\s.*\n", re.MULTILINE),
}
_PACKAGE = re.compile(r"^package\s+[\w.]+[ \t]*;?[ \t]*\n?", re.MULTILINE)
_PUBLIC = re.compile(
    r"^public\s+(?=(?:final\s+|abstract\s+)*(?:class|interface|enum|record)\b)", re.MULTILINE
)
_CLASS = re.compile(r"\b(?:class|object)\s+(\w+)[^{};()]*\{")
_GO_TESTS = re.compile(r"^func Test\w*\(\w+ \*testing\.T\)", re.MULTILINE)
_PHP_TAGS = re.compile(r"\A\s*<\?php\b|\?>\s*\Z")


VARIANTS = ("tests_hold", "as_published")


def problems(path: str | None, variant: str = VARIANTS[0]) -> list[Problem]:
    """Load a language's file or a folder of them. Raises ConfigError for a missing field, a double task, a damaged file."""
    if path is None:
        raise ConfigError("benchmark multipl_e: give its folder, or the file of one language")
    place = Path(path)
    found: dict[tuple[str, str], Problem] = {}
    try:
        for file in sorted(place.glob("*.jsonl*")) if place.is_dir() else [place]:
            for line, row in read_jsonl(file):
                problem = _problem(row, variant, f"{file}, line {line}")
                key = (problem.language, problem.task_id)
                if key in found:
                    raise ConfigError(
                        f"{file}, line {line}: task_id '{problem.task_id}' stands there twice for {problem.language}"
                    )
                found[key] = problem
    except DataError as error:
        raise ConfigError(f"benchmark file {error}") from None
    if not found:
        raise ConfigError(f"benchmark multipl_e: {path}: holds no problem")
    return list(found.values())


def _problem(row: Mapping[str, Any], variant: str, place: str) -> Problem:
    task_id, tests = row.get("task_id", row.get("name")), row.get("tests", row.get("test"))
    for field, value in (("task_id", task_id), ("prompt", row.get("prompt")), ("tests", tests)):
        if not isinstance(value, str):
            raise ConfigError(
                f"{place}: not a row of MultiPL-E: '{field}' is missing or not text (found: {', '.join(sorted(row))})"
            )
    said = row.get("language", "python" if "canonical_solution" in row else None)
    language = LANGUAGE_NAMES.get(str(said), str(said))
    if language not in _FILES:
        raise ConfigError(f"{place}: '{said}' is no language of MultiPL-E; there are: {', '.join(_FILES)}")
    head = row["prompt"]
    if language == "python":
        found = list(re.finditer(r"^def\s+(\w+)", head, re.MULTILINE))[-1:]
    else:
        last_lines = "\n".join(head.rstrip().splitlines()[-2 if language == "perl" else -1 :])
        found = list(re.finditer(_SIGNATURES.get(language, _SIGNATURE), last_lines))[:1]
    if not found:
        raise ConfigError(f"{place}: no function begins at the end of the prompt")
    stops = [stop for stop in row.get("stop_tokens") or () if isinstance(stop, str) and stop]
    canonical = row.get("canonical_solution", "")
    meta = {"stops": json.dumps(stops), "variant": variant}
    return Problem("multipl_e", str(task_id), head, found[0][1], canonical, str(tests), language, meta)


# --------------------------------------------------------------------------------------------------------- how to ask


def chat(problem: Problem) -> tuple[Message, ...]:
    """Ask for the whole function, its prompt fenced."""
    inside = f" inside its {'object' if problem.language == 'scala' else 'class'} `Problem`"
    where = inside if problem.language in _IN_CLASS else ""
    return (
        Message(
            "user",
            f"Write the {_FILES[problem.language][1]} function `{problem.entry_point}` as its comment says. Keep its name and its "
            f"parameters. Answer with one code block that holds the whole function{where}, without tests and without a "
            f"main program.\n\n```{problem.language}\n{problem.prompt.rstrip()}\n```",
        ),
    )


def extract(problem: Problem, response: str, form: AnswerForm) -> Extraction:
    """Take the function out of an answer; a continuation ends at the first of its language's stop tokens."""
    hints = {"language": problem.language, "entry_point": problem.entry_point}
    if form != "completion":
        return core_extract.from_chat(response, prompt=problem.prompt, **hints)
    if problem.language == "python":
        return core_extract.from_completion(problem.prompt, response, **hints)
    body = _cut(problem, response)
    return Extraction(problem.prompt + body, "body", failed=not body.strip())


def _cut(problem: Problem, continuation: str) -> str:
    places = [continuation.find(stop) for stop in json.loads(problem.meta["stops"])]
    return continuation[: min((place for place in places if place >= 0), default=len(continuation))]


# --------------------------------------------------------------------------------------------------------- how to run


def runnable(problem: Problem) -> str | None:
    """Say which toolchain is missing, or that the sandbox does not run this language."""
    return missing_toolchain(problem.language)


def program_job(language: str, program: str) -> Job:
    """Make the job of a whole program with its tests. language: ours or a file ending."""
    language = LANGUAGE_NAMES.get(language, language)
    file = _FILES[language][0]
    tests = _GO_TESTS.search(program) if language == "go" else None
    if tests:  # Go's are a test file: the sandbox runs such tests where it can see them
        head = _PACKAGE.sub("package main\n", program[: tests.start()], count=1)
        return Job("script", {file: head}, language=language, tests=program[tests.start() :])
    return Job("script", {file: program}, language=language)


def job(problem: Problem, answer: Answer) -> Job:
    """Run an answer with its problem's tests: Python's in a process of its own, the others' in the program."""
    language, solution = problem.language, answer.solution
    if answer.form == "program":
        return program_job(language, solution)
    if language == "python":
        source = solution
        if answer.form == "chat":
            source = f"{problem.prompt}\n    pass\n\n\n{solution}"
        return Job(
            "split",
            {"main.py": python_program(source)},
            entry_point=problem.entry_point,
            tests=problem.tests,
            prelude=problem.prompt,
        )
    parts = _Parts(solution, problem.tests)
    if answer.form != "completion":
        parts = _complete(problem, solution)
    elif solution.startswith(problem.prompt):
        parts = _Parts(problem.prompt + _cut(problem, solution[len(problem.prompt) :]), problem.tests)
    program = go_program(parts.program, parts.tests) if language == "go" else parts.program
    file = f"{parts.main_class}.java" if language == "java" else _FILES[language][0]
    return Job("script", {file: program}, language=language, tests=parts.tests)


@dataclass(frozen=True)
class _Parts:
    """A program and the tests that end it. main_class: the one that they complete."""

    program: str
    tests: str
    main_class: str = "Problem"


def _complete(problem: Problem, solution: str) -> _Parts:
    """Put a function that stands alone beside its tests, which are written to end a continuation.

    In some languages the tests begin with the brace that ends the function, and end with the one that ends its class.
    """
    language, tests = problem.language, problem.tests
    source = without_main(solution, language)
    imports = "".join(_IMPORTS[language].findall(problem.prompt)) if language in _IMPORTS else ""
    if not tests.lstrip().startswith("}"):
        if language == "go":
            source = f"{problem.prompt[: problem.prompt.index(')') + 1]}\n{source}"
        elif language == "php":
            source = f"<?php\n{_PHP_TAGS.sub('', source)}"
        elif language == "racket":
            source = _IMPORTS[language].sub("", source)
        return _Parts(imports + source, tests)
    program = rust_program(imports, source) if language == "rust" else imports + source
    if count_open(source, language) >= (2 if language in _IN_CLASS else 1):
        return _Parts(program, tests)  # it still waits for the brace
    tests = tests.partition("}")[2]
    return (
        _complete_class(problem, imports, source, tests) if language in _IN_CLASS else _Parts(program, tests)
    )


def _complete_class(problem: Problem, imports: str, source: str, tests: str) -> _Parts:
    """Leave the class of the function open for the tests; a bare method gets the prompt's class."""
    language = problem.language
    imports += "".join(f"{line.rstrip()}\n" for line in _IMPORTS[language].findall(source))
    source = _IMPORTS[language].sub("", source)
    if language == "java":
        source = _PUBLIC.sub("", _PACKAGE.sub("", source))
    name = re.compile(rf"\b{re.escape(problem.entry_point)}\s*[(\[<]")
    for found in reversed(list(_CLASS.finditer(source))):
        close = find_close(source[found.start() :], language)
        end = len(source) if close is None else found.start() + close
        if name.search(source, found.end(), end):
            return _Parts(imports + source[:end], tests + source[end + 1 :], found[1])
    opening = _CLASS.search(problem.prompt)
    return _Parts(f"{imports}{opening[0] if opening else ''}\n{source}", tests)


async def judge(problem: Problem, answer: Answer, run: Run) -> Outcome:
    """Run an answer. A pass of a whole program is forgeable: its tests are its own."""
    result = await run(job(problem, answer))
    if answer.form == "program":
        result = replace(result, forgeable=True)
    return Outcome(result, passed(problem, result))


def passed(problem: Problem, result: Result) -> bool:
    """Judge: all tests ran and held; see the variants for C#."""
    if (
        problem.meta["variant"] == "as_published"
        and problem.language == "csharp"
        and result.status == "error"
    ):
        return "Fail" not in result.stderr
    return result.status == "passed"
