"""What a language's TOML promises beyond compiling and running: what programs find, what counts as a failed assertion."""

from pathlib import Path

import pytest
from benchmarks.languages import run_jobs

from codewright.sandbox.job import Job
from codewright.sandbox.toolchains import load_language
from tests.sandbox.needs import skip_without_toolchain

BITS = "#include <stdio.h>\n#include <bits/stdc++.h>\n"
MD5 = '#include <openssl/md5.h>\nint main() { unsigned char d[16]; MD5((const unsigned char *) "a", 1, d); return d[0] != 0x0c; }'
TUPLES = "import org.javatuples.Pair;\npublic class Main { public static void main(String[] a) { assert Pair.with(1, 2).getValue1() == 2; } }"
DEBUG = "class P { static void Main() { System.Diagnostics.Debug.Assert(1 + 1 == %d); } }"

CASES = {
    "bash has awk": ("bash", "command -v awk grep sed sort", "passed"),
    "bash has no python": ("bash", "command -v python3", "error"),
    "bash has no bc": ("bash", "echo 1 | bc", "error"),
    "cpp precompiled": ("cpp", BITS + "int main() { std::vector<int> x{1}; assert(x[0] == 1); }", "passed"),
    "cpp assertion": ("cpp", BITS + "int main() { assert(false); }", "killed"),
    "cpp own macro holds": (
        "cpp",
        "  # define NDEBUG\n#include <bits/stdc++.h>\nint main() { assert(false); }",
        "passed",
    ),
    "cpp missing include": ("cpp", "int main() { std::vector<int> x; }", "compile_error"),
    "csharp assertion": ("csharp", DEBUG % 3, "error"),
    "csharp numbers": (
        "csharp",
        "class P { static int Main() { return (int) System.Numerics.BigInteger.Zero; } }",
        "passed",
    ),
    "csharp held assertion": ("csharp", DEBUG % 2, "passed"),
    "php extensions": ("php", '<?php assert(ctype_alpha("a"));', "passed"),
    "php assertion": ("php", "<?php assert(1 === 2);", "error"),
    "typescript type error": ("typescript", 'const x: number = "a";', "compile_error"),
    "typescript of browsers": (
        "typescript",
        "function f(e: HTMLElement | null): Map<string, bigint> { return new Map(); } console.log(f(null).size);",
        "passed",
    ),
}
"""Name -> language, program, status."""

LIBRARIES = {
    "c": ("/usr/include/openssl/md5.h", MD5),
    "cpp": ("/usr/include/openssl/md5.h", MD5),
    "java": ("/usr/share/java/javatuples.jar", TUPLES),
}
"""Language -> what has to be installed for a program, the program."""


@pytest.mark.parametrize("case", CASES)
def test_a_program_of_each_kind(case: str) -> None:
    name, source, status = CASES[case]
    skip_without_toolchain(name)
    (result,) = run_jobs([Job("script", {load_language(name).file: source}, language=name)], workers=1)
    assert result.status == status, result


@pytest.mark.parametrize("name", LIBRARIES)
def test_libraries_of_published_benchmarks_are_found(name: str) -> None:
    needed, source = LIBRARIES[name]
    skip_without_toolchain(name)
    if not Path(needed).exists():
        pytest.skip(f"library not installed: {needed}")
    (result,) = run_jobs([Job("script", {load_language(name).file: source}, language=name)], workers=1)
    assert result.status == "passed", result
