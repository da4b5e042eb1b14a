"""How a HumanEvalPack program is put together in each of its six languages.

A problem opens with imports, in some with a helper that its tests call, and the head of the function. A solution either goes on
from there, or stands alone and may have brought or left out any of it.
"""

import re
from collections.abc import Mapping

from codewright.evals.braces import without_blocks
from codewright.evals.standing_alone import (
    GO_ASSUMED,
    RUST_USE,
    cpp_program,
    go_program,
    python_program,
    rust_program,
    without_main,
)

FILES = {
    "python": "main.py",
    "javascript": "main.js",
    "java": "Main.java",
    "go": "main.go",
    "cpp": "main.cpp",
    "rust": "main.rs",
}
"""Our languages -> the program's file; Java's is named after the class that the tests are."""

_DEFINITIONS = {
    "javascript": r"^(?:const|let|var|function)\s+(\w+)",
    "java": r"^[ \t]*(?:public|private|protected|static)\b[^;={}()]*?(\w+)\s*\([^(){};]*\)[^(){};]*\{",
    "go": r"^func\s+(\w+)",
    "cpp": r"^\w[\w<>:,&*\s]*?(\w+)\s*\([^;{}()]*\)\s*\{",
    "rust": r"^(?:pub\s+)?fn\s+(\w+)",
}
_RUST_MAIN = "fn main(){}"
_GEN_RANGE = re.compile(r"\bgen_range\(([^(),]+), ([^(),]+)\)")
_STRLEN = re.compile(r'\bstrlen\(("[^"]*")\)')
_NAME = re.compile(r"(\w+)\s*(?:=|<[^>(]*>\s*\(|\()")
_GO_COMMENT = re.compile(r"(?:^//.*\n)+\Z", re.MULTILINE)
_CPP_HEAD = re.compile(r"^(?:#include.*|using namespace.*)$", re.MULTILINE)
_IMPORT = re.compile(r"^import\s[^;]*;[ \t]*\n?", re.MULTILINE)
_PACKAGE = re.compile(r"^package\s[^;]*;[ \t]*\n?", re.MULTILINE)
_PUBLIC = re.compile(
    r"^public\s+(?=(?:final\s+|abstract\s+)*(?:class|interface|enum|record)\b)", re.MULTILINE
)
_SOLUTION = re.compile(r"\bclass\s+Solution\b[^{]*\{")
_MAIN_CLASS = re.compile(r"^(?:final\s+)?class\s+Main\b", re.MULTILINE)


def function_name(row: Mapping[str, str]) -> str:
    """Return the name that the tests call. Published entry_points differ from it in 15 problems, signatures never do."""
    found = _NAME.search(row["signature"])
    return found[1] if found else row["entry_point"]


def opening_without_docs(language: str, row: Mapping[str, str]) -> str:
    """Return what stands before the body, without the documentation of the function.

    That is the published declaration, but Go's leave out imports and helpers, Rust's main(), and CPP/38's runs into the body.
    """
    if language == "go":
        place = _line_start(row["prompt"], row["signature"])
        return _GO_COMMENT.sub("", row["prompt"][:place]) + row["prompt"][place:]
    declaration = row["declaration"]
    if language == "cpp":
        return declaration[: declaration.index("{", declaration.rindex(row["signature"])) + 1] + "\n"
    return f"{_RUST_MAIN}\n{declaration}" if language == "rust" else declaration


def head_of(opening: str, row: Mapping[str, str]) -> str:
    """Return what stands before the function: imports, helpers, in Java the class."""
    return opening[: _line_start(opening, row["signature"])]


def _line_start(text: str, signature: str) -> int:
    return text.rfind("\n", 0, text.rindex(signature)) + 1


def sound_tests(language: str, tests: str) -> str:
    """Return the tests so that they run today and test the answer.

    Rust/32 and Rust/50 draw numbers as rand did before 0.8, from a to below b. CPP/23 passes literals to an answer's
    strlen(string): where <cstring> is included, as by the published evaluator, C's own takes them and everything passes.
    """
    if language == "rust":
        return _GEN_RANGE.sub(r"gen_range(\1..\2)", tests)
    return _STRLEN.sub(r"strlen(string(\1))", tests) if language == "cpp" else tests


def continued_program(language: str, row: Mapping[str, str], text: str) -> str:
    """Make a program of an opening with its continuation."""
    if language == "python":
        return python_program(text)
    if language == "go":
        return go_program(f"{row['test_setup']}\n{text}", row["test"], GO_ASSUMED)
    if language == "cpp":
        # Canonical solutions were written against the declaration's headers, helpers stand in the prompt.
        return cpp_program("\n".join([*_CPP_HEAD.findall(row["declaration"]), text]))
    return text


def whole_program(language: str, row: Mapping[str, str], solution: str) -> str:
    """Make a program of a solution that stands alone."""
    if language == "python":
        return python_program(f"{row['prompt']}\n    pass\n\n\n{solution}")
    head = head_of(opening_without_docs(language, row), row)
    if language == "java":
        return _java_program(head, solution)
    solution = without_main(solution, language)
    names = re.findall(_DEFINITIONS[language], head, re.MULTILINE)
    brought = set(names) & set(re.findall(_DEFINITIONS[language], solution, re.MULTILINE))
    if language == "rust":
        code = _RUST_MAIN if brought else RUST_USE.sub("", head)
        return rust_program(head, f"{code}\n{solution}")
    if language == "go":
        source = f"{row['test_setup']}\n{'' if brought else head}\n{solution}"
        return go_program(source, row["test"], GO_ASSUMED)
    if language == "cpp":
        return cpp_program("\n".join([*_CPP_HEAD.findall(head), "" if brought else head, solution]))
    return solution if brought else f"{head}\n{solution}"


def _java_program(head: str, solution: str) -> str:
    imports = _IMPORT.findall(head) + [f"{line.rstrip()}\n" for line in _IMPORT.findall(solution)]
    body = _PUBLIC.sub("", _IMPORT.sub("", _PACKAGE.sub("", solution)))
    body = without_blocks(body, "java", _MAIN_CLASS)
    helpers = head[head.index("{") + 1 :]
    names = re.findall(_DEFINITIONS["java"], helpers, re.MULTILINE)
    if set(names) & set(re.findall(_DEFINITIONS["java"], body, re.MULTILINE)):
        helpers = ""
    found = _SOLUTION.search(body)
    if found:
        body = body[: found.end()] + helpers + body[found.end() :]
    else:
        body = f"class Solution {{\n{helpers}{body}\n}}\n"
    return "".join(imports) + body
