"""Where blocks end: braces in strings, characters and comments do not count."""

import re

import pytest

from codewright.evals.braces import braces, count_open, find_close, without_blocks


@pytest.mark.parametrize(
    ("language", "source", "opened"),
    [
        ("cpp", 'int f() { return \'}\'; // }\n /* } */ char* s = "}\\"}";', 1),
        ("cpp", "int f() { return 1; }\nint g() {", 1),
        ("java", 'class A { String s = """\n}\n"""; void f() {', 2),
        ("csharp", 'class A { string s = @"\\"; void F() {', 2),
        ("csharp", 'var s = $"{1}"; if (x) {', 1),
        ("go", "func f() { s := `}\n}`", 1),
        ("javascript", "const f = () => { const s = `}`, t = '}', u = 'it\\'s }';", 1),
        ("rust", "fn f<'a>(x: &'a str) -> &'a str { let c = '}'; let s = \"}\n}\"; let r = r#\"\"}\"#;", 1),
        ("rust", "fn f() { let c = '\\''; let d = '{'; }", 0),
        ("bash", "f() { echo ${1//x/} # }\n echo \"}\" '}' \\}", 1),
        ("bash", "f() {\n echo ${#1}\n}\n", 0),
        ("swift", "func f() { }\n}", -1),
    ],
)
def test_only_braces_that_count_are_counted(language: str, source: str, opened: int) -> None:
    assert count_open(source, language) == opened


def test_positions_and_steps() -> None:
    assert list(braces("a{'{'}", "java")) == [(1, 1), (5, -1)]


def test_the_end_of_the_first_block_is_found() -> None:
    source = "int f() { if (x) { } } int g() { }"
    assert find_close(source, "cpp") == source.index("} int g")
    assert find_close("  return 1; } }", "cpp", opened=1) == 12
    assert find_close("  return 1; } }", "cpp", opened=2) == 14
    assert find_close("int f() { if (x) { }", "cpp") is None
    assert find_close("int f();", "cpp") is None


def test_blocks_are_taken_out_with_their_heads() -> None:
    main = re.compile(r"^int main\(", re.MULTILINE)
    assert (
        without_blocks("int f() { }\nint main() { { } }\nint g() { }", "cpp", main)
        == "int f() { }\n\nint g() { }"
    )
    assert without_blocks("int f() { }\nint main() { cut off", "cpp", main) == "int f() { }\n"
    assert without_blocks("int f() { }", "cpp", main) == "int f() { }"
