"""Code that stands alone, beside tests it does not know: what it brings twice is taken out, what it left out is added.

Answers in chat form repeat the imports they were shown, or leave them out, bring a main() of their own, tests, examples.
"""

import importlib
import re
from collections.abc import Iterable, Iterator

from codewright.core.errors import ConfigError
from codewright.evals.braces import without_blocks
from codewright.sandbox.toolchains import list_languages, load_language

_MAIN = {
    "cpp": r"^[ \t]*(?:int|void|auto|signed)\s+main\s*\(",
    "csharp": r"^[ \t]*(?:(?:public|private|internal|protected|async)\s+)*static\s+(?:async\s+)?[\w.]+\s+Main\s*\(",
    "go": r"^func\s+main\s*\(",
    "java": r"^[ \t]*(?:(?:public|final)\s+)*static\s+(?:final\s+)?void\s+main\s*\(",
    "rust": r"^(?:pub\s+)?fn\s+main\s*\(|^#\[cfg\(test\)\]\s*(?:pub\s+)?mod\s+\w+",
    "scala": r"^[ \t]*def\s+main\s*\(",
}
"""What a program can have only one of, and the tests bring."""


def missing_toolchain(language: str) -> str | None:
    """Say why the sandbox here cannot run programs of a language; None if it can."""
    if language not in list_languages():
        return f"language not supported by the sandbox: {language}"
    try:
        load_language(language)
    except ConfigError as error:
        return str(error)
    return None


def without_main(source: str, language: str) -> str:
    """Take main() out, and Rust's test modules."""
    pattern = _MAIN.get(language)
    return without_blocks(source, language, re.compile(pattern, re.MULTILINE)) if pattern else source


# --------------------------------------------------------------------------------------------------------- Python

_PYTHON_MODULES = {"collections", "copy", "datetime", "functools", "hashlib", "heapq", "itertools", "math", "re", "statistics", "string", "sys"}  # fmt: skip
_FUTURE = re.compile(r"^from __future__ import .*\n?", re.MULTILINE)


def python_program(source: str, starred: tuple[str, ...] = ("typing", "collections")) -> str:
    """Put imports before source of what it uses without an import, as the evaluators of several benchmarks do.

    starred: modules whose names need no prefix. Source of both lists: bigcode-evaluation-harness, tasks/humanevalpack.py, and
    DeepSeek-Coder's evaluation; numpy is on them too, and is left out where the sandbox has none.
    """
    words = set(re.findall(r"\w+", source))
    lines = [f"import {name}\n" for name in sorted(_PYTHON_MODULES & words)]
    lines += [
        f"from {name} import *\n" for name in starred if words & set(importlib.import_module(name).__all__)
    ]
    # Those have to come first.
    future = _FUTURE.findall(source)
    return "".join(future + lines) + (_FUTURE.sub("", source) if future else source)


# ------------------------------------------------------------------------------------------------------------ C++

_CPP_HEADERS = {
    "algorithm": ("max", "min", "sort", "reverse", "find", "count", "swap", "transform", "all_of", "any_of"),
    "climits": (
        "INT_MAX",
        "INT_MIN",
        "LONG_MAX",
        "LONG_MIN",
        "LLONG_MAX",
        "LLONG_MIN",
        "CHAR_BIT",
        "UINT_MAX",
    ),
    "cmath": ("abs", "ceil", "fabs", "floor", "log", "pow", "round", "sqrt"),
    "cstring": ("memcpy", "memset", "strcmp", "strcpy", "strlen"),
    "deque": ("deque",),
    "fstream": ("fstream", "ifstream", "ofstream"),
    "iostream": ("cerr", "cin", "cout", "endl"),
    "list": ("list",),
    "map": ("map", "multimap"),
    "numeric": ("accumulate", "gcd", "iota", "lcm"),
    "queue": ("priority_queue", "queue"),
    "set": ("multiset", "set"),
    "sstream": ("istringstream", "ostringstream", "stringstream"),
    "stack": ("stack",),
    "stdio.h": ("printf", "sprintf"),
    "stdlib.h": ("atoi", "rand", "strtol"),
    "string": ("stoi", "string", "to_string"),
    "vector": ("vector",),
}
"""Headers that HumanEvalPack's evaluator puts before every program, and words that need them: all of them every time would
double the compiler's time. Source of the headers: bigcode-evaluation-harness, tasks/humanevalpack.py; it adds boost/any.hpp."""


def cpp_program(source: str) -> str:
    """Put headers before source of what it uses."""
    words = set(re.findall(r"\w+", source))
    return "".join(f"#include<{name}>\n" for name, uses in _CPP_HEADERS.items() if words & set(uses)) + source


# ------------------------------------------------------------------------------------------------------------- Go

_GO_PACKAGE = re.compile(r"^package[ \t]+\w+[ \t]*$", re.MULTILINE)
_GO_IMPORTS = re.compile(r'^import[ \t]*(?:\([^)]*\)|(?:[\w.]+[ \t]+)?"[^"\n]*")[ \t]*$', re.MULTILINE)
_GO_IMPORT = re.compile(r'(?:([\w.]+)[ \t]+)?"([^"\n]*)"')
GO_ASSUMED = (
    "bytes",
    "crypto/md5",
    "fmt",
    "math",
    "math/rand",
    "regexp",
    "sort",
    "strconv",
    "strings",
    "time",
)
"""Packages that HumanEvalPack's evaluator imports where they are used: a prompt fixes its imports before the code is known.
Source: bigcode-evaluation-harness, tasks/humanevalpack.py."""


def go_program(source: str, tests: str, assumed: Iterable[str] = ()) -> str:
    """Return source as package main with one import block, which holds what source and tests use: Go refuses the rest.

    assumed: packages that need no import of their own.
    """
    blocks = [block.removeprefix("import") for block in _GO_IMPORTS.findall(source)]
    named = [pair for block in blocks for pair in _GO_IMPORT.findall(block)]
    body = _GO_IMPORTS.sub("", _GO_PACKAGE.sub("", source))
    code = re.sub(r"//.*", "", f"{body}\n{tests}")
    lines: dict[str, str] = {}
    for alias, path in [*sorted(named, reverse=True), *(("", path) for path in assumed)]:
        name = alias or path.rpartition("/")[2]
        if name in ("_", ".") or re.search(rf"\b{re.escape(name)}\.", code):
            lines.setdefault(name, f'{alias} "{path}"'.strip())
    return "package main\n\nimport (\n" + "\n".join(sorted(lines.values())) + "\n)\n" + body


# ----------------------------------------------------------------------------------------------------------- Rust

RUST_USE = re.compile(r"^[ \t]*(?:pub[ \t]+)?use\s+([^;]+);[ \t]*\n?", re.MULTILINE)


def rust_imports(source: str) -> dict[str, str]:
    """Map every name that a source's `use` items bind to its full path."""
    return {name: path for item in RUST_USE.findall(source) for name, path in _leaves("", item)}


def _leaves(prefix: str, item: str) -> Iterator[tuple[str, str]]:
    item = item.strip()
    head, brace, rest = item.partition("{")
    if brace:
        for part in _split(rest.rpartition("}")[0]):
            yield from _leaves(prefix + head.strip(), part)
        return
    path = prefix + item
    if item == "self":
        path = prefix.removesuffix("::")
    bound = re.split(r"\s+as\s+|::", path)[-1].strip()
    yield bound if bound != "*" else path, path


def _split(text: str) -> Iterable[str]:
    """Split at commas outside braces."""
    depth, start = 0, 0
    for position, character in enumerate(text):
        depth += (character == "{") - (character == "}")
        if character == "," and depth == 0:
            yield text[start:position]
            start = position + 1
    if text[start:].strip():
        yield text[start:]


def rust_program(head: str, source: str) -> str:
    """Put source behind the `use` items of head that it does not have itself: a name can be bound only once."""
    own = rust_imports(source)
    lines = [f"use {path};\n" for name, path in rust_imports(head).items() if name not in own]
    return "".join(lines) + source
