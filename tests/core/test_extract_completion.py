"""Continuations: where a function ends, and what may stay behind it."""

import pytest

from codewright.core.extract import from_completion

PROMPT = "def f(x):\n"


@pytest.mark.parametrize("entry_point", ["", "f"])
@pytest.mark.parametrize(
    ("response", "kept"),
    [
        ("    return x\n", "    return x\n"),
        ("    return x", "    return x\n"),
        ("    return x\r\n\r\nprint(1)", "    return x\n"),
        ("    return x\n\nprint(f(1))\n", "    return x\n"),
        ("    return x\n\n# Tests\nassert f(1)", "    return x\n"),
        ("    return x\n```\nThat is it.", "    return x\n"),
        ("    return x\ndef other(x):\n    pass\n", "    return x\n"),
        ("    y = [\n        x,\n]\n    return y\n", "    y = [\n        x,\n]\n    return y\n"),
        ("    y = g(\n        x,\n    )\n    return y\n", "    y = g(\n        x,\n    )\n    return y\n"),
        ("    y = x\n# a remark\n    return y\nf(1)", "    y = x\n# a remark\n    return y\n"),
        (
            '    s = """\nat the margin\n"""\n    return s\nprint(1)',
            '    s = """\nat the margin\n"""\n    return s\n',
        ),
        ("    return (x\nprint(", "    return (x\n"),
    ],
)
def test_python_ends_with_its_function(response: str, kept: str, entry_point: str) -> None:
    found = from_completion(PROMPT, response, entry_point=entry_point)
    assert (found.solution, found.how, found.failed) == (PROMPT + kept, "body", False)


@pytest.mark.parametrize("response", ["", "\n  \n", "Sorry, I cannot."])
def test_nothing_is_said_to_be_nothing(response: str) -> None:
    found = from_completion(PROMPT, response, entry_point="f")
    assert (found.solution, found.how, found.failed) == (PROMPT, "nothing", True)


def test_python_keeps_helpers_that_are_called() -> None:
    response = (
        "    return g(x) + N\n\n\ndef g(x):\n    return h(x)\n\n\ndef idle(x):\n    return f(x)\n\n\nN = 3\n\n\n"
        "def h(x):\n    return x\n\n\nprint(f(1))\n\n\ndef late(x):\n    retu"
    )
    found = from_completion(PROMPT, response, entry_point="f")
    assert found.how == "body and helpers"
    space: dict[str, object] = {}
    exec(found.solution, space)
    assert set(space) - {"__builtins__"} == {"f", "g", "h", "N"}
    own = "def g(x):\n    return x\n\n\ndef f(x):\n"
    assert from_completion(own, response, entry_point="f").solution.count("def g(") == 1


@pytest.mark.parametrize(
    ("response", "solution"),
    [
        ("y = x\n    return y\nprint(1)", "def f(x):\n    y = x\n    return y\n"),
        ("```python\ndef f(x):\n    return x\n```\nDone.", "def f(x):\n    return x\n"),
        ("def f(x):\n    return x\n\n\nprint(f(3))", "def f(x):\n    return x\n"),
        ("```python\n    return x\n```", "def f(x):\n    return x\n"),
    ],
)
def test_answers_that_do_not_just_go_on(response: str, solution: str) -> None:
    found = from_completion(PROMPT, response, entry_point="f")
    assert (found.solution, found.failed) == (solution, False)


def test_a_prompt_without_an_open_function() -> None:
    prompt = '"""\nWrite a function f.\nassert f(1) == 1\n"""\n'
    response = "from math import pi\n\ndef f(x):\n    return x\n\nassert f(1) == 1\n"
    assert (
        from_completion(prompt, response, entry_point="f").solution
        == "from math import pi\n\ndef f(x):\n    return x\n"
    )


BRACES = [
    ("javascript", "const f = (x) => {\n", '  const s = `}${x}}`;\n  return /}/.test(s) ? "{" : x;\n};', "\nconsole.log(f(1));\n"),
    ("javascript", "function f(x) {\n", "  if (x) { return '}'; }\n  return x;\n}", "\n\n// Tests\nfunction t() {"),
    ("typescript", "function f(x: number): number\n", "{\n  return x;\n}", "\nfunction idle() {}\n"),
    ("go", "package main\n\nfunc f(x int) int {\n", '\tc := \'}\'\n\ts := `}`\n\treturn x + len(s) + int(c)\n}', "\n\nfunc main() {\n"),
    ("rust", "fn f<'a>(x: &'a str) -> usize {\n", "    let c = '}';\n    match x { _ => x.len() + c as usize }\n}", "\n\nfn main() {}\n"),
    ("cpp", "#include <vector>\nint f(int x) {\n", '    // }\n    char c = \'}\';\n    return c + "}"[0]; /* } */\n}', "\nint main() {\n"),
    ("c", "int f(int x)\n", "{\n    int a[] = {1, 2};\n    return a[x];\n}", "\n#include <stdio.h>\n"),
    ("php", "<?php\nfunction f($x) {\n", '    return "{$x}}" . \'}\';\n}', "\n\necho f(3);\n"),
    ("bash", "f() {\n", '    local y="${1}}"\n    if [ "$y" ]; then\n        echo "}"\n    fi\n}', "\n\nf 3\n"),
]  # fmt: skip


@pytest.mark.parametrize(("language", "prompt", "body", "rest"), BRACES)
def test_functions_end_where_the_grammar_says(language: str, prompt: str, body: str, rest: str) -> None:
    for behind in ("", "\n", rest, "\n```\nIt is done.", "\n} } {"):
        found = from_completion(prompt, body + behind, language=language, entry_point="f")
        assert (found.solution, found.how) == (f"{prompt}{body}\n", "body")
    cut = body[: body.rindex("}")]
    assert from_completion(prompt, cut, language=language, entry_point="f").solution == prompt + cut


@pytest.mark.parametrize(
    ("language", "helper", "call"),
    [
        ("javascript", "function g(x) {\n  return x;\n}", "console.log(f(1));"),
        ("go", "func g(x int) int {\n\treturn x\n}", "func main() {}"),
        ("rust", "fn g(x: i32) -> i32 {\n    x\n}", "fn main() {}"),
        ("cpp", "int g(int x) {\n    return x;\n}", "int main() {}"),
        ("php", "function g($x) {\n    return $x;\n}", "echo f(1);"),
        ("bash", "g() {\n    echo 1\n}", "f 1"),
    ],
)
def test_helpers_stay_if_they_are_called(language: str, helper: str, call: str) -> None:
    heads = {"javascript": "function f(x) {\n", "go": "func f(x int) int {\n", "rust": "fn f(x: i32) -> i32 {\n",
             "cpp": "int g(int x);\nint f(int x) {\n", "php": "<?php\nfunction f($x) {\n", "bash": "f() {\n"}  # fmt: skip
    uses = {"php": "    return g($x);\n}", "bash": '    g "$1"\n}', "rust": "    g(x)\n}"}.get(
        language, "    return g(x);\n}"
    )
    idle = helper.replace("g(", "idle(", 1)
    found = from_completion(
        heads[language],
        f"{uses}\n\n{helper}\n\n{idle}\n\n{call}\n\n{helper}",
        language=language,
        entry_point="f",
    )
    assert found.solution == f"{heads[language]}{uses}\n\n\n{helper}\n"
    assert found.how == "body and helpers"


def test_what_a_grammar_does_not_know_ends_at_its_line() -> None:
    body = "    for (( i=0; i<${#1}; i++ )); do\n        [[ ${1:$i:1} =~ [a-z] ]] && echo 1\n    done\ninner() {\n    echo 2\n}\n    inner\n}"
    for behind in ("", "\n", "\n\nf 3\n}"):
        found = from_completion("f() {\n", body + behind, language="bash", entry_point="f")
        assert (found.solution, found.how) == (f"f() {{\n{body}\n", "body")
    found = from_completion("f()\n", "{\n    echo ${#1} ))\n}\nf 3", language="bash", entry_point="f")
    assert found.solution == "f()\n{\n    echo ${#1} ))\n}\n"


def test_helpers_stay_although_the_end_is_cut_off() -> None:
    prompt, body = "function f(x) {\n", "  return g(x);\n}"
    rest = "\n\nfunction g(x) {\n  return x;\n}\n\nfunction idle(x) {\n  return"
    found = from_completion(prompt, body + rest, language="javascript", entry_point="f")
    assert found.solution == f"{prompt}{body}\n\n\nfunction g(x) {{\n  return x;\n}}\n"


def test_a_prompt_that_is_no_function_is_not_joined() -> None:
    found = from_completion("x = 1\n", "def f(y):\n    return y\n\nf(2)", entry_point="f")
    assert found.solution == "def f(y):\n    return y\n"
    assert from_completion("x = 1\n", "y = 2\n", entry_point="f").failed
    assert from_completion("# f\n", "x = f(2)\n", entry_point="f").failed


JAVA = "class Solution {\n    public int f(int x) {\n"


@pytest.mark.parametrize(
    ("response", "tail", "how"),
    [
        ("        return x;\n    }\n}", "", "body"),
        ("        return x;\n    }\n}\n\nclass Main {\n", "", "body"),
        ("        return x;\n    }", "\n}", "body, class closed"),
        ("        return x;\n    }\n\n    public static void main(String[] a) {\n        f(1);\n    }\n}", "\n}", "body, class closed"),
    ],
)  # fmt: skip
def test_classes_around_a_method_are_closed(response: str, tail: str, how: str) -> None:
    found = from_completion(JAVA, response, language="java", entry_point="f")
    kept = response.partition("\n\n")[0]
    assert (found.solution, found.how) == (f"{JAVA}{kept}{tail}\n", how)


def test_methods_that_are_called_stay_in_their_class() -> None:
    response = "        return g(x);\n    }\n\n    int g(int x) { return h(x); }\n\n    int idle() { return 1; }\n\n    int h(int x) { return x; }\n"
    found = from_completion(JAVA, response, language="java", entry_point="f")
    assert [name in found.solution for name in ("int g(", "int h(", "idle")] == [True, True, False]
    assert found.solution.endswith("\n}\n")


def test_brace_answers_that_do_not_just_go_on() -> None:
    whole = "function f(x) {\n  return x;\n}\n"
    found = from_completion(
        "function f(x) {\n", f"```js\n{whole}```\nDone.", language="javascript", entry_point="f"
    )
    assert found.solution == whole


def test_languages_without_a_grammar_end_at_a_fence() -> None:
    prompt = "local function f(x)\n"
    found = from_completion(prompt, "  return x\nend\n```\nDone.", language="lua", entry_point="f")
    assert found.solution == f"{prompt}  return x\nend\n"
