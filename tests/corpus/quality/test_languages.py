"""Measurements of single languages on tiny texts, worked out by hand."""

from typing import Any

import pytest

from tests.corpus.quality.measured import values_of

MODES = pytest.mark.parametrize("mode", ["fixed", "reference"])

CLASS = '''"""A module."""
import os  # why


class A:
    """A class."""

    size = 1
    other: int = 2

    def get(self):
        return self.size

    async def wait(self):
        """Not counted."""
        pass


def f(x):
    for y in x:
        print(y)
    return
'''
"""Code lines: import, class, size, other, def, return, async, pass, def, for, print, return: 12, and those that the doc
strings leave: their indentation, which is blank."""


def close(value: float) -> Any:
    return pytest.approx(value, abs=1e-8)


@MODES
def test_python(mode: str) -> None:
    found = values_of(CLASS, "python", "a.py", mode)
    assert found["cate_ast"] == 1
    assert found["frac_lines_func_ratio"] == close(2 / 12)
    assert found["frac_lines_simplefunc"] == close(1 / 12)
    assert found["cate_var_zero"] == 0
    assert found["frac_lines_pass"] == close(1 / 12)
    assert found["frac_lines_import"] == close(1 / 12)
    assert found["frac_lines_print"] == close(1 / 12)
    # Functions 2, imports 1, class variables 2, returns 2, classes 1.
    assert found["score_lines_no_logic"] == close(8 / 12)
    # `A class.`, `A module.` and ` why`, joined by line ends.
    assert found["frac_chars_comments"] == close(len("A class.\nA module.\n why") / len(CLASS))


@MODES
@pytest.mark.parametrize(
    ("content", "without"),
    [
        ("print(1)\n", 1), ("x = 1\n", 0), ("x.y = 1\na[0] = 2\n", 1), ("a, b = 1, 2\n", 1), ("x: int = 1\n", 1), ("x += 1\n", 1),
        ("for a in b:\n    c()\n", 0), ("for a, d in b:\n    c()\n", 1), ("def f(a): c()\n", 0), ("def f(*a, b, **d): c()\n", 1),
        ("async def f(a): c()\n", 1), ("if a:\n    x = 1\n", 0), ("try:\n    a()\nexcept B:\n    x = 1\n", 0),
        ("match a:\n    case 1:\n        x = 2\n", 0), ("while a:\n    b()\nelse:\n    c = 1\n", 0),
    ],
)  # fmt: skip
def test_python_variables(content: str, without: int, mode: str) -> None:
    assert values_of(content, "python", "a.py", mode)["cate_var_zero"] == without


@MODES
def test_python_that_does_not_parse(mode: str) -> None:
    found = values_of("print 'old'\n", "python", "a.py", mode)
    assert found["cate_ast"] == 0
    assert found["frac_lines_func_ratio"] is found["cate_var_zero"] is found["score_lines_no_logic"] is None
    assert found["frac_lines_print"] == 1


@MODES
def test_python_without_code(mode: str) -> None:
    found = values_of("# only\n# comments\n", "python", "a.py", mode)
    assert found["frac_lines_pass"] == found["frac_lines_import"] == 0
    assert found["frac_lines_func_ratio"] is None


C = """#include <stdio.h>
#define A 1
struct point { int x; };
class Thing : public Base {
unsigned int number;
static int helper (int a);
int main(void) {
  printf("%d", 1);
  goto end;
  return 0;
  return -1;
}
"""
"""12 code lines. The only function that fits is `int main(void)`: a space before the parenthesis does not."""


@MODES
@pytest.mark.parametrize(("language", "name"), [("c", "a.c"), ("cpp", "a.cpp")])
def test_c(mode: str, language: str, name: str) -> None:
    found = values_of(C, language, name, mode)
    assert found["frac_lines_func_ratio"] == close(1 / 12)
    assert found["nums_lines_main"] == 1
    # main, one include, one class, one simple variable (`int x;` stands behind a brace), one simple return.
    assert found["score_lines_no_logic"] == close(5 / 12)
    assert found["frac_lines_print"] == close(1 / 12)
    assert found["frac_lines_preprocessor_directives"] == close(3 / 12)
    assert found["frac_lines_goto"] == close(1 / 12)
    assert values_of(C, language, "a.hpp", mode)["frac_lines_preprocessor_directives"] is None


@pytest.mark.parametrize(
    ("content", "functions"),
    [
        ("int f(a)", 1), ("f(a)", 0), ("int f (a)", 0), ("int *f(a)", 1), ("int* f(a)", 1), ("int **f(a)", 0), ("int * *f(a)", 1),
        ("int ** *f(a)", 1), ("int * * *f(a)", 0), ("return f(x)", 1), ("a::b(c)", 0), ("int f(a", 0), ("int f(a;\nint g(b)", 1),
        ("const char *name(int a), *other(b)", 1), ("x 9f(a)", 0), ("int f(a) int g(b)", 2), ("int *a b(c)", 1), ("int & f(a)", 0),
    ],
)  # fmt: skip
def test_what_looks_like_a_function_in_c(content: str, functions: int) -> None:
    assert values_of(content + "\n", "c")["frac_lines_func_ratio"] == close(
        functions / (1 + content.count("\n"))
    )


def test_mains() -> None:
    assert values_of("int main() {\n}\nint main(a) {\n", "c")["nums_lines_main"] == 2
    assert values_of("int main(main() {\n", "c")["nums_lines_main"] == 1
    assert values_of("int main();\nxmain() {\n", "c")["nums_lines_main"] == 0


JAVA = """package a;
import java.util.List;
import static java.lang.Math.max;
public final class A<T> {
    private int x;
    private String name = "a";
    public static int get(int a) throws Error {
        System.out.println(a);
        return x;
    }
    private final List<String> names;
}
"""


@MODES
def test_java(mode: str) -> None:
    found = values_of(JAVA, "java", "A.java", mode)
    assert found["cate_var_zero"] == 0
    assert found["frac_lines_func_ratio"] == close(1 / 12)
    # One method, one import (the static one does not fit), `int x` and `names`, one return, one class.
    assert found["score_lines_no_logic"] == close(6 / 12)
    assert found["frac_lines_print"] == close(1 / 12)
    assert values_of("class A {\n}\n", "java", "A.java", mode)["cate_var_zero"] == 1


CSHARP = """using System.Text;
namespace A {
public class B {
    public static int Get(int a) {
        int x;
        string name = "a";
        if (a) Console.WriteLine(a);
        else if (b) return a;
        return a + 1;
    }
}
}
"""


@MODES
def test_csharp(mode: str) -> None:
    found = values_of(CSHARP, "csharp", "a.cs", mode)
    assert found["cate_var_zero"] == 0
    assert found["frac_lines_func_ratio"] == close(1 / 12)
    # One method, one using, one class, `int x;`, one return at the beginning of a line.
    assert found["score_lines_no_logic"] == close(5 / 12)
    assert found["frac_lines_print"] == close(1 / 12)


GO = """package a
import "fmt"
import (
	"os"
)
type T struct {
	a int
}
var x int
func (t *T) Get(a int) (int, error) {
	fmt.Println(a)
	return a, nil
}
func short() int {
	return 1
}
"""


@MODES
def test_go(mode: str) -> None:
    found = values_of(GO, "go", "a.go", mode)
    assert found["frac_lines_func_ratio"] == close(2 / 16)
    # Two functions, two imports, one type, one variable, two returns.
    assert found["score_lines_no_logic"] == close(8 / 16)
    assert found["frac_lines_print"] == close(1 / 16)
    assert found["cate_var_zero"] == found["cate_testfile"] == 0


def test_go_knows_its_test_files_by_the_whole_name_in_fixed_mode() -> None:
    assert values_of(GO, "go", "pkg/a_Test.go", "fixed")["cate_testfile"] == 1
    assert values_of(GO, "go", "pkg/a_test.go", "reference")["cate_testfile"] == 0


SCRIPT = """import a from 'a';
var x, y = 1, z = f();
const g = function () { return; };
const h = () => { return -1; };
function named() { return x + y; }
class A { get() { return x; } }
for (const k of x) { console.log(k); }
module.exports.one = function () { };
module.exports.two = 2;
exports.three = 3;
"""


@MODES
def test_javascript(mode: str) -> None:
    found = values_of(SCRIPT, "javascript", "a.js", mode)
    assert found["cate_ast"] == 1
    assert found["cate_var_zero"] == 0
    assert found["frac_lines_func_ratio"] == close(3 / 10)
    # Functions 3, imports 1, classes 1; simple: x, y, k, two; returns: nothing, -1, x.
    assert found["score_lines_no_logic"] == close(12 / 10)
    assert found["frac_lines_print"] == close(1 / 10)
    assert values_of("f();\n", "javascript", "a.js", mode)["cate_var_zero"] == 1
    broken = values_of("f(;\n", "javascript", "a.js", mode)
    assert (broken["cate_ast"], broken["cate_var_zero"], broken["frac_lines_func_ratio"]) == (0, None, None)


@pytest.mark.parametrize(
    "content",
    [
        "#!/usr/bin/env node\nlet a = 1;\n", "let a = b?.c ?? d;\n", "class A { x = 1; #y = 2; static { } }\n", "try { a() } catch { }\n",
        "let a = 1_000n;\n", "export * as a from 'a';\n", "let a = <b c='d'>e</b>;\n", "let x = await f();\n", "a ||= b;\n",
    ],
)  # fmt: skip
def test_modern_javascript_parses_in_fixed_mode_only(content: str) -> None:
    assert values_of(content, "javascript", "a.js", "fixed")["cate_ast"] == 1
    assert values_of(content, "javascript", "a.js", "reference")["cate_ast"] == 0


HTML = """<!DOCTYPE html>
<html><head><style>p { a: b }</style><script>var a = "<p>";</script></head>
<body><!-- no --><p title="a > b">Tom &amp; Jerry</p></body></html>
"""


@MODES
def test_html(mode: str) -> None:
    found = values_of(HTML, "html", "a.html", mode)
    assert found["cate_ast"] == 1
    # Three line ends and `Tom & Jerry`.
    assert found["num_chars_text"] == 3 + 11
    assert found["frac_words_text"] == close(14 / len(HTML))
    # A blank node is one character, but not within `pre`.
    assert (
        values_of("<p> \n </p><pre>  </pre> <!-- x --> ", "html", "a.html", mode)["num_chars_text"]
        == 1 + 2 + 1 + 1
    )
    assert values_of("", "html", "a.html", mode)["frac_words_text"] is None


TYPESCRIPT = """import { a } from 'a';
export * from 'b';
interface B {
  c: string;
  d(): void;
}
export function named(x: number): number {
  console.log(x);
  return x;
}
"""


def test_typescript_has_a_rule_set_of_ours() -> None:
    found = values_of(TYPESCRIPT, "typescript", "a.ts")
    assert found["cate_ast"] == 1
    assert found["frac_lines_func_ratio"] == close(1 / 10)
    assert found["frac_lines_import"] == close(2 / 10)
    # Two imports, one type, two signatures, one function.
    assert found["score_lines_no_logic"] == close(6 / 10)
    assert found["frac_lines_print"] == close(1 / 10)
    assert values_of("let a: = 1;\n", "typescript", "a.ts")["cate_ast"] == 0
    assert "frac_lines_import" not in values_of(TYPESCRIPT, "typescript", "a.ts", "reference")
    assert values_of("const a = <b>c</b>;\n", "tsx", "a.tsx")["cate_ast"] == 1


RUST = """use std::fmt;
mod other;
struct A {
    b: u32,
}
fn main() {
    println!("{}", 1);
    let x = A { b: 1 };
}
"""


def test_rust_has_a_rule_set_of_ours() -> None:
    found = values_of(RUST, "rust", "a.rs")
    assert found["cate_ast"] == 1
    assert found["frac_lines_func_ratio"] == close(1 / 9)
    assert found["frac_lines_import"] == close(2 / 9)
    # Two imports, one type, one field, one function.
    assert found["score_lines_no_logic"] == close(5 / 9)
    assert found["frac_lines_print"] == close(1 / 9)
    assert values_of("fn main( {}\n", "rust", "a.rs")["cate_ast"] == 0


PHP = """<?php
namespace A;
use B\\C;
class D {
    private $e = 1;
    public function get($f) {
        echo $f;
        return $this->e;
    }
}
"""


def test_php_has_a_rule_set_of_ours() -> None:
    found = values_of(PHP, "php", "a.php")
    assert found["cate_ast"] == 1
    assert found["frac_lines_func_ratio"] == close(1 / 10)
    assert found["frac_lines_import"] == close(1 / 10)
    # One use, one class, one property, one method.
    assert found["score_lines_no_logic"] == close(4 / 10)
    assert found["frac_lines_print"] == close(1 / 10)
    assert values_of("<?php function ( {\n", "php", "a.php")["cate_ast"] == 0


RUBY = """require "a"
autoload :B, "b"
module C
  class D
    attr_reader :e
    def f(g)
      puts g
      @e = g
    end
  end
end
"""


def test_ruby_has_a_rule_set_of_ours() -> None:
    found = values_of(RUBY, "ruby", "a.rb")
    assert found["frac_lines_func_ratio"] == close(1 / 11)
    assert found["frac_lines_import"] == close(2 / 11)
    # Two imports, a module, a class, an attribute, a method.
    assert found["score_lines_no_logic"] == close(6 / 11)
    assert found["frac_lines_print"] == close(1 / 11)
