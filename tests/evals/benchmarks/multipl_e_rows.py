"""Rows of MultiPL-E's shape about one small problem, with answers: what goes on from the prompt, and what stands alone."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Case:
    """good, wrong: continuations of the prompt. alone: right answers in chat form."""

    language: str
    prompt: str
    tests: str
    good: str
    alone: tuple[str, ...]
    stops: tuple[str, ...] = field(default=("\n}",))

    @property
    def wrong(self) -> str:
        """Return a continuation that triples."""
        return self.good.replace("2", "3")

    def row(self) -> dict[str, Any]:
        """Return it as it is published."""
        return {
            "name": "HumanEval_7_double_it",
            "language": self.language,
            "prompt": self.prompt,
            "tests": self.tests,
            "stop_tokens": list(self.stops),
        }


_CS_PROMPT = """using System;
using System.Collections.Generic;
using System.Diagnostics;
class Problem {
    // Return twice the number.
    public static long DoubleIt(long n) {
"""
_CS_TESTS = """    }
    public static void Main(string[] args) {
    Debug.Assert(DoubleIt((4L)) == (8L));
    Debug.Assert(DoubleIt((0L)) == (0L));
    }

}
"""
_JAVA_PROMPT = """import java.util.*;
class Problem {
    // Return twice the number.
    public static long doubleIt(long n) {
"""
_JAVA_TESTS = """    }
    public static void main(String[] args) {
    assert(doubleIt((4l)) == (8l));
    assert(doubleIt((0l)) == (0l));
    }

}
"""

CASES = {
    "cpp": Case(
        "cpp",
        "#include<assert.h>\n#include<bits/stdc++.h>\n// Return twice the number.\nlong double_it(long n) {\n",
        "}\nint main() {\n    auto candidate = double_it;\n    assert(candidate((4)) == (8));\n    assert(candidate((0)) == (0));\n}\n",
        "    return 2 * n;",
        (
            "long double_it(long n) {\n    return 2 * n;\n}\n",
            "#include <iostream>\nusing namespace std;\n\nlong twice(long n) { return n + n; } // }\n\nlong double_it(long n) {\n    return twice(n);\n}\n\n"
            "int main() {\n    cout << \"}\" << double_it(1) << '}' << endl;\n    return 0;\n}\n",
        ),
    ),
    "csharp": Case(
        "cs",
        _CS_PROMPT,
        _CS_TESTS,
        "        return 2 * n;",
        (
            "public static long DoubleIt(long n) {\n    return 2 * n;\n}\n",
            "using System;\nusing System.Linq;\n\npublic class Problem {\n    public static long DoubleIt(long n) {\n        return new[] { n, n }.Sum();\n    }\n}\n",
            'using System;\n\nnamespace Answers {\n    class Other { }\n\n    class Problem {\n        static string brace = @"}""{";\n\n'
            "        public static long DoubleIt(long n) {\n            return n + n; // }\n        }\n\n"
            '        static void Main() {\n            Console.WriteLine($"}} {DoubleIt(1)}");\n        }\n    }\n}\n',
        ),
        ("\n    }\n",),
    ),
    "java": Case(
        "java",
        _JAVA_PROMPT,
        _JAVA_TESTS,
        "        return 2 * n;",
        (
            "public static long doubleIt(long n) {\n    return 2 * n;\n}\n",
            "package answers;\n\nimport java.util.List;\n\npublic class Problem {\n    static class Pair { long n; }\n\n    public static long doubleIt(long n) {\n"
            "        Pair pair = new Pair();\n        pair.n = 2 * n;\n        return pair.n;\n    }\n\n"
            '    public static void main(String[] args) {\n        System.out.println("}" + doubleIt(1)); // }\n    }\n}\n\nclass Unused { }\n',
            "class Answer {\n    public static long doubleIt(long n) {\n        return n + n;\n    }\n}\n",
        ),
        ("\n    }\n",),
    ),
    "javascript": Case(
        "js",
        "//Return twice the number.\nfunction double_it(n){\n",
        "const assert = require('node:assert');\n\n\nfunction test() {\n  let candidate = double_it;\n"
        "  assert.deepEqual(candidate(4),8);\n  assert.deepEqual(candidate(0),0);\n}\n\ntest();",
        "  return 2 * n;\n}\n",
        ("const double_it = (n) => 2 * n;\nconsole.log(double_it(1));\n",),
        ("\nfunction ", "\n/*", "\n//", "\nconsole.log"),
    ),
    "typescript": Case(
        "ts",
        "//Return twice the number.\nfunction double_it(n: number): number {\n",
        "declare var require: any;\nconst assert = require('node:assert');\n\n\nfunction test() {\n  let candidate = double_it;\n"
        "  assert.deepEqual(candidate(4),8);\n  assert.deepEqual(candidate(0),0);\n}\n\ntest();",
        "  return 2 * n;\n}\n",
        ("const double_it = (n: number): number => 2 * n;\n",),
        ("\nfunction ", "\n/*", "\n//", "\nclass"),
    ),
    "php": Case(
        "php",
        "<?php\n// Return twice the number.\nfunction double_it($n) {\n",
        "function candidate(...$args) {\n    return double_it(...$args);\n}\n\nfunction test(): void {\n"
        '    if (candidate(4) !== 8) { throw new Exception("Test failed!"); }\n'
        '    if (candidate(0) !== 0) { throw new Exception("Test failed!"); }\n}\n\ntest();',
        "    return 2 * $n;\n}\n",
        (
            "function double_it($n) {\n    return 2 * $n;\n}\n",
            "<?php\nfunction double_it($n) {\n    return 2 * $n;\n}\n?>\n",
        ),
        ("\nfunction", "\n?>", "\n//", "\n#"),
    ),
    "bash": Case(
        "sh",
        "#!/bin/bash\n# Return twice the number.\n#\n# $1 is an integer\ndouble_it() {\n",
        '}\n\ncandidate() {\n    double_it "$@"\n}\n\nset -e\nrun_test() {\n    [[ $(candidate "4") = "8" ]]\n    [[ $(candidate "0") = "0" ]]\n}\n\nrun_test\n',
        "    echo $((2 * $1))",
        (
            "double_it() {\n    echo $((2 * ${1//x/})) # }\n}\n",
            "#!/bin/bash\ntwice() { echo $(($1 + $1)); }\ndouble_it() {\n    local open='{'\n    twice \"$1\"\n}\n",
        ),
    ),
    "go": Case(
        "go_test.go",
        'package double_it_test\n\nimport (\n    "testing"\n    "fmt"\n)\n\n// Return twice the number.\nfunc double_it(n int) int {\n',
        'func TestDouble_It(t *testing.T) {\n  candidate := double_it\n\tif fmt.Sprintf("%v", candidate(4)) != "8" {\n\t\tt.Errorf("no")\n\t}\n}\n',
        "    return 2 * n\n}\n",
        (
            "func double_it(n int) int {\n\treturn 2 * n\n}\n",
            'package main\n\nimport "strings"\nimport "os"\n\nfunc double_it(n int) int {\n\treturn len(strings.Repeat("{", 2*n))\n}\n\nfunc main() {\n\tdouble_it(1)\n}\n',
        ),
        ("\nfunc", "struct", "\n// "),
    ),
    "rust": Case(
        "rs",
        "use std::collections::HashMap;\n\n/// Return twice the number.\nfn double_it(n: isize) -> isize {\n",
        "}\n\nfn main() {\n    let candidate = double_it;\n    assert_eq!(candidate(4), 8);\n    assert_eq!(candidate(0), 0);\n}\n",
        "    2 * n",
        (
            "fn double_it(n: isize) -> isize {\n    let mut seen = HashMap::new();\n    seen.insert(n, 2 * n);\n    seen[&n]\n}\n",
            "use std::collections::{BTreeMap, HashMap};\n\nfn longest<'a>(a: &'a str, _b: &'a str) -> &'a str { a }\n\nfn double_it(n: isize) -> isize {\n"
            '    let mut seen: HashMap<isize, char> = HashMap::new();\n    seen.insert(n + n, \'}\');\n    longest("{", r#""}"#);\n'
            '    *seen.keys().next().unwrap()\n}\n\nfn main() {\n    println!("{}", double_it(1));\n}\n',
        ),
    ),
}
"""Our language -> its case, for the languages that the sandbox runs."""

PYTHON_ROW = {
    "task_id": "Python/7",
    "prompt": 'def twice(n):\n    return 2 * n\n\n\ndef double_it(n: int) -> int:\n    """Return twice the number."""\n',
    "canonical_solution": "    return twice(n)\n",
    "test": "\n\ndef check(double_it):\n    assert double_it(4) == twice(4) == 8\n\ncheck(double_it)",
    "stop_tokens": [],
}

TEXTS_ONLY = {
    "d": (
        "import std.math;\n/*\n\n    Return twice the number.\n*/\nlong double_it(long n) \n",
        "unittest\n{\n}\nvoid main(){}",
    ),
    "jl": (
        '"""\n    Return twice the number.\n    """\nfunction double_it(n::Int64)::Int64 \n',
        "using Test\n",
    ),
    "lua": ("-- Return twice the number.\nlocal function double_it(n)\n", "lu = require('luaunit')\n"),
    "pl": ("# Return twice the number.\nsub double_it {\n    my($n) = @_;\n", "use Test::Deep;\n"),
    "r": ("# Return twice the number.\ndouble_it <- function(n) {", "test_humaneval <- function() {\n}\n"),
    "rb": ("# Return twice the number.\ndef double_it(n)\n", "require 'test/unit'\n"),
    "rkt": ("#lang racket\n\n;; Return twice the number.\n(define (double_it n)\n", "(require rackunit)\n"),
    "scala": (
        "import scala.math._\nobject Problem {\n    // Return twice the number.\n    def doubleIt(n : Long) : Long = {\n",
        "    }\n    def main(args: Array[String]) = {\n    assert(doubleIt((4l)) == (8l));\n    }\n\n}\n",
    ),
    "swift": (
        "\n/// Return twice the number.\nfunc double_it(n: Int) -> Int {\n",
        "}\n\nassert(double_it(n: 4) == 8)\n",
    ),
}
"""Prompt and tests in the languages that the sandbox does not run."""
