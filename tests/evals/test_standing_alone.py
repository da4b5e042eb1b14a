"""Code that stands alone gets what it left out and loses what it brings twice."""

import ast

import pytest

from codewright.evals.standing_alone import (
    GO_ASSUMED,
    cpp_program,
    go_program,
    missing_toolchain,
    python_program,
    rust_imports,
    rust_program,
    without_main,
)


@pytest.mark.parametrize(
    ("language", "source", "kept"),
    [
        ("cpp", "int f() { }\n\nint main(int n, char** a)\n{\n  f();\n}\n", "int f() { }\n\n\n"),
        ("cpp", "int domain() { }\n", "int domain() { }\n"),
        ("csharp", "class A {\n  public static async Task Main(string[] a) { }\n}\n", "class A {\n\n}\n"),
        ("go", "func f() {}\nfunc main() { f() }\nfunc mainly() {}\n", "func f() {}\n\nfunc mainly() {}\n"),
        (
            "java",
            "class A {\n  public static void main(String... a) { }\n  int main;\n}\n",
            "class A {\n\n  int main;\n}\n",
        ),
        ("rust", "fn f() {}\nfn main() {}\n#[cfg(test)]\nmod tests { fn t() {} }\n", "fn f() {}\n\n\n"),
        ("scala", "object A {\n  def main(args: Array[String]) = { }\n}\n", "object A {\n\n}\n"),
        ("javascript", "function main() { }\n", "function main() { }\n"),
    ],
)
def test_main_is_taken_out(language: str, source: str, kept: str) -> None:
    assert without_main(source, language) == kept


def test_go_gets_one_import_block_of_what_is_used() -> None:
    source = (
        'package answer\n\nimport "os"\nimport (\n\t"fmt"\n\tstr "strings"\n\t_ "embed"\n)\n'
        'func f() { fmt.Println(str.ToUpper("a")) } // sort.Ints\n'
    )
    program = go_program(
        source, "func TestF(t *testing.T) { math.Abs(1) }", assumed=("math", "sort", "strings")
    )
    head, _, body = program.partition(")\n")
    assert head == 'package main\n\nimport (\n"fmt"\n"math"\n_ "embed"\nstr "strings"\n'
    assert body.strip() == 'func f() { fmt.Println(str.ToUpper("a")) } // sort.Ints'
    assert '"math"' not in go_program(source, "math.Abs(1)")
    # An import that is written down wins over one that is assumed.
    random = go_program('import "crypto/rand"\nfunc f() { rand.Read(nil) }', "", GO_ASSUMED)
    assert '"crypto/rand"' in random and '"math/rand"' not in random


def test_rust_names_are_bound_once() -> None:
    source = (
        "use std::{cmp::{max, self}, collections::HashMap as Map};\nuse rand::Rng;\nuse md5;\nuse a::*;\n"
    )
    assert rust_imports(source) == {
        "max": "std::cmp::max",
        "cmp": "std::cmp",
        "Map": "std::collections::HashMap as Map",
        "Rng": "rand::Rng",
        "md5": "md5",
        "a::*": "a::*",
    }
    own = "use std::cmp::{max, min};\nfn f() {}\n"
    assert (
        rust_program("use std::{cmp::max, any::Any};\nuse md5;\n", own)
        == f"use std::any::Any;\nuse md5;\n{own}"
    )


def test_python_gets_the_imports_it_uses() -> None:
    source = 'from __future__ import annotations\n\ndef f(x: Optional[int]):\n    """Maths."""\n    return math.sqrt(deque([x])[0])\n'
    program = python_program(source)
    ast.parse(program)
    compile(program, "program", "exec")
    assert program.splitlines()[:4] == [
        "from __future__ import annotations",
        "import math",
        "from typing import *",
        "from collections import *",
    ]
    assert "import re" not in program
    assert python_program("@cache\ndef f():\n    pass\n", ("functools",)).startswith(
        "from functools import *\n"
    )
    plain = "def f(n):\n    return n\n"
    assert python_program(plain) == plain


def test_cpp_gets_the_headers_it_uses() -> None:
    source = "#include<vector>\nint f(set<int> s) { return accumulate(s.begin(), s.end(), 0); }\n"
    headers = cpp_program(source).removesuffix(source).splitlines()
    assert {"#include<set>", "#include<numeric>"} <= set(headers) and "#include<map>" not in headers
    assert cpp_program("int f() { return 1; }\n") == "int f() { return 1; }\n"


def test_a_language_the_sandbox_does_not_run_is_named() -> None:
    assert missing_toolchain("python") is None
    assert missing_toolchain("cobol") == "language not supported by the sandbox: cobol"
