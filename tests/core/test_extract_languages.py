"""Other languages out of chat answers: what is chosen, what is left out, what the prompt adds."""

import pytest

from codewright.core.extract import from_chat


def fence(code: str, tag: str = "") -> str:
    return f"```{tag}\n{code.strip()}\n```\n"


def squash(text: str) -> str:
    return "".join(text.split())


CASES = [
    (
        "javascript",
        "const T = [1];\nfunction f(x) {\n  return T[x] + `}${x}`;\n}\nmodule.exports = { f };\nfunction test() { f(1); }",
        "// tests\nconst r = f(3);\nconsole.log(r);\nconsole.assert(f(1) === 1);\n(() => { f(3); })();\ntest();\n"
        "for (const x of [1]) { console.log(f(x)); }\nif (require.main === module) { f(2); }",
    ),
    ("javascript", "const g = x => x;\nexport const f = async (x) => g(x);", "f(3).then(console.log);"),
    ("javascript", "class Solution {\n  f(x) { return x; }\n}", "const s = new Solution();\nconsole.log(s.f(3));"),
    (
        "typescript",
        "interface A { x: number }\nfunction f(a: A): number;\nfunction f(a: any): any { return a.x; }",
        "const a: A = { x: f({ x: 1 }) };\nconsole.log(a);",
    ),
    (
        "go",
        'package main\n\nimport "math"\n\nfunc f(x float64) float64 {\n\treturn math.Abs(x)\n}',
        'func main() {\n\tmath.Abs(f(3))\n}\n\nfunc TestF(t *testing.T) {\n\tif f(1) != 1 {\n\t\tt.Fatal("}")\n\t}\n}',
    ),
    (
        "rust",
        "#[derive(Debug)]\nstruct A { x: i32 }\nimpl A {\n    fn n(x: i32) -> Self { A { x } }\n}\n/// Doc.\n"
        "fn f<'a>(x: &'a str) -> i32 { A::n(x.len() as i32).x }",
        '/// Runs.\nfn main() {\n    println!("}{}", f("a"));\n}\n#[cfg(test)]\nmod tests {\n    #[test]\n    fn t() {}\n}',
    ),
    (
        "cpp",
        "#include <vector>\nusing namespace std;\ntemplate <class T> T g(T x) { return x; }\nstruct P { int a; };\n"
        "vector<int>& f(vector<int>& x) { return g<vector<int>&>(x); }",
        '// Run.\nint main() {\n    char c = \'}\';\n    const char* s = "}";\n    return f({1})[0] + c + s[0];\n}',
    ),
    (
        "c",
        "#include <stdio.h>\nint f(int x);\nstatic int g(int x) { return x; }\nint f(int x) { return g(x); }",
        'int main(void) {\n    printf("%d }", f(3));\n    return 0;\n}',
    ),
    (
        "php",
        "<?php\nfunction g($x) { return $x; }\nfunction f($x) {\n    return g($x);\n}",
        '// usage\n$r = f(3);\necho $r;\necho f(3) . "\\n";\nassert(f(1) === 1);\n?>',
    ),
    ("bash", '#!/bin/bash\nf() {\n  local x=$1\n  echo "${x}}"\n}', 'r=$(f 3)\necho "$r"\nf 3\n[[ $(f 1) == 1 ]] && echo ok'),
    ("csharp", "using System;\nclass P {\n    public static long f(long x) => x;\n}", "// none"),
    ("java", "import java.util.*;\n\nclass Solution {\n    int f(int x) { return x; }\n}",
     "class Main {\n    public static void main(String[] a) {\n        System.out.println(\"}\" + new Solution().f(3));\n    }\n}"),
]  # fmt: skip


@pytest.mark.parametrize(("language", "program", "usage"), CASES)
def test_usage_is_left_out_and_nothing_else(language: str, program: str, usage: str) -> None:
    block = fence(f"{program}\n\n{usage}", language)
    answer = f"Here:\n{block}It prints:\n{fence('3')}"
    found = from_chat(answer, language=language, entry_point="f")
    assert squash(found.solution).removesuffix("//none") == squash(program)
    assert not found.failed
    again = from_chat(f"{found.solution}", language=language, entry_point="f")
    assert again.solution == found.solution


@pytest.mark.parametrize(("language", "program", "usage"), CASES)
def test_code_between_prose(language: str, program: str, usage: str) -> None:
    answer = f"Here is the function (it's short):\n\n{program}\n\nIt's simple: try it (or don't). Done."
    found = from_chat(answer, language=language, entry_point="f")
    assert squash(found.solution) == squash(program)


@pytest.mark.parametrize(("language", "program", "usage"), CASES)
def test_the_prompt_may_want_main(language: str, program: str, usage: str) -> None:
    if "main(" not in usage:
        return
    answer = fence(f"{program}\n\n{usage}", language)
    found = from_chat(
        answer, language=language, entry_point="f", prompt="Write f, and a main() that calls it."
    )
    assert "main(" in found.solution


def test_main_methods_beside_the_function_go() -> None:
    java = "public class Solution {\n    int f(int x) { return x; }\n    public static void main(String[] a) {\n        int b = 1;\n    }\n}"
    left = "public class Solution {\n    int f(int x) { return x; }\n}\n"
    assert from_chat(fence(java), language="java", entry_point="f").solution == left
    sharp = "class P {\n    static long F(long x) => x;\n\n    static void Main(string[] a) { F(1); }\n}\n"
    assert squash(from_chat(fence(sharp), language="csharp", entry_point="F").solution) == squash(
        "class P { static long F(long x) => x; }"
    )


def test_imports_that_only_main_needed_go_with_it() -> None:
    go = 'package main\n\nimport (\n\t"fmt"\n\t"sort"\n)\n\nfunc f(x []int) { sort.Ints(x) }\n\nfunc main() { fmt.Println(1) }\n'
    found = from_chat(fence(go), language="go", entry_point="f")
    assert found.solution == 'package main\n\nimport (\n\t"sort"\n)\n\nfunc f(x []int) { sort.Ints(x) }\n'


PROMPTS = {
    "javascript": "const helper = (x) => x + 1;\n\n/** Do it. */\nfunction f(x) {\n",
    "typescript": "const helper = (x: number): number => x + 1;\n\n/** Do it.\n * ```\n * f(1)\n * ```\n */\nfunction f(x: number): number\n",
    "go": 'package main\n\nimport (\n\t"math"\n\t"sort"\n)\n\nfunc helper(x float64) float64 { return x }\n\n// Do it.\nfunc f(x float64) float64 {\n',
    "rust": "fn main(){}\nuse std::{collections::{HashMap, HashSet}, cmp::max};\n\nfn helper(x: i32) -> i32 { x }\n\nfn f(x: i32) -> i32 {\n",
    "cpp": "#include <vector>\nusing namespace std;\nint helper(int x) { return x; }\nint f(vector<int> x) {\n",
    "c": "#include <math.h>\nint helper(int x) { return x; }\nint f(int x)\n",
    "php": "<?php\nfunction helper($x) { return $x; }\n// Do it.\nfunction f($x) {\n",
    "bash": "#!/bin/bash\nhelper() {\n  echo 1\n}\n# Do it.\nf() {\n",
    "java": "import java.util.*;\n\nclass Solution {\n    int helper(int x) { return x; }\n    /** Do it. */\n    int f(int x) {\n",
    "csharp": "using System;\n\nclass P {\n    static int helper(int x) => x;\n    // Do it.\n    static int f(int x) {\n",
}
BODIES = {"bash": '  helper "$1"\n  return 0\n}', "php": "    return helper($x);\n}"}


@pytest.mark.parametrize("language", PROMPTS)
@pytest.mark.parametrize("closed", [True, False])
def test_bodies_join_the_prompt(language: str, closed: bool) -> None:
    prompt = PROMPTS[language]
    body = BODIES.get(language, "    return helper(x);\n}")
    body = body if "{" in prompt[-3:] else "{\n" + body
    depth = 2 if language in {"java", "csharp"} else 1
    whole = f"{prompt}{body}" + "\n}" * (depth - 1)
    given = whole[len(prompt) :] if closed else body.rstrip("}")
    found = from_chat(fence(given), language=language, entry_point="f", prompt=prompt)
    assert (squash(found.solution), found.how) == (squash(whole), "body joined to the prompt")


ALONE = {
    "javascript": ("function f(x) { return helper(x); }", ["const helper"]),
    "go": ("func f(x float64) float64 { return math.Abs(helper(x)) }", ["package main", '"math"', "func helper"]),
    "rust": ("use std::collections::HashMap;\n\nfn f(x: i32) -> i32 { max(helper(x), 1) }",
             ["fn main(){}", "use std::cmp::max;", "use std::collections::HashSet;", "fn helper"]),
    "cpp": ("#include <map>\n\nint f(vector<int> x) { return helper(x[0]); }", ["#include <vector>", "using namespace std;", "int helper"]),
    "php": ("function f($x) { return helper($x); }", ["<?php", "function helper"]),
    "java": ("import java.math.BigInteger;\n\nint f(int x) { return helper(x); }",
             ["import java.util.*;", "import java.math.BigInteger;", "class Solution {", "int helper"]),
    "csharp": ("public static int f(int x) { return helper(x); }", ["using System;", "class P {", "static int helper"]),
}  # fmt: skip


@pytest.mark.parametrize("language", ALONE)
def test_what_the_prompt_gives_is_added(language: str) -> None:
    answer, parts = ALONE[language]
    found = from_chat(fence(answer), language=language, entry_point="f", prompt=PROMPTS[language])
    assert found.how == "fence 1 of 1, prompt's code added"
    for part in [*parts, answer.partition("\n\n")[2] or answer]:
        assert found.solution.count(part) == 1, part
    assert "sort" not in found.solution  # Go refuses imports that are not used
    assert found.solution.count("HashMap") == answer.count(
        "HashMap"
    )  # Rust refuses a second import of a name


def test_blocks_join_with_what_belongs_to_their_types() -> None:
    first = fence(
        "type S struct { v []int }\n\nfunc (s *S) Push(x int) { s.v = append(s.v, x) }\n\nfunc other() {}"
    )
    second = fence("func f(x int) int { s := &S{}; s.Push(x); return s.v[0] }")
    found = from_chat(f"Types:\n{first}Then:\n{second}", language="go", entry_point="f")
    assert found.how == "2 fences joined"
    assert "type S struct" in found.solution
    assert "func (s *S) Push" in found.solution
    assert "other" not in found.solution


def test_an_example_of_a_value_is_not_joined() -> None:
    answer = (
        fence("function f(items) { return items; }")
        + "Use:\n"
        + fence("const items = [1, 2];\nconsole.log(f(items));")
    )
    assert from_chat(answer, language="javascript", entry_point="f").how == "fence 1 of 2"


def test_prose_that_looks_like_code_is_left_out() -> None:
    answer = "The code (C++):\n\n#include <vector>\nint f(int x) {\n  return x;\n}\n\nThis function (see above) is fast;"
    found = from_chat(answer, language="cpp", entry_point="f")
    assert squash(found.solution) == squash("#include <vector>\nint f(int x) {\n  return x;\n}")


def test_functions_in_namespaces_are_found() -> None:
    code = "namespace N {\n  export function f(x: number) { return x; }\n}"
    found = from_chat(fence(code) + fence("N.f(1);"), language="typescript", entry_point="f")
    assert (found.solution, found.how) == (f"{code}\n", "fence 1 of 2")


def test_code_that_is_cut_off_is_still_code() -> None:
    cut = "class P {\n    static int f(int x)\n    {\n        if (x > 1)\n        {\n            return x;\n"
    found = from_chat(f"```csharp\n{cut}", language="csharp", entry_point="f")
    assert (found.solution, found.failed) == (cut, False)
    found = from_chat(f"Here it is:\n\n{cut}", language="csharp", entry_point="f")
    assert found.solution == cut
    calls = "return f(3)\nnew f(3)\nx = f(3)\na.f(3)\n@@"
    assert from_chat(fence(calls), language="csharp", entry_point="f").failed


def test_what_a_grammar_does_not_know_is_kept() -> None:
    odd = "bool f(any x) {\n    return x.type() == typeid(int) && @@;\n}"
    found = from_chat(fence(odd, "cpp"), language="cpp", entry_point="f")
    assert found.solution == f"{odd}\n"
    assert from_chat(odd, language="cpp", entry_point="f").solution == f"{odd}\n"


@pytest.mark.parametrize(
    ("language", "code", "usage"),
    [
        ("lua", "local function f(x)\n  return x\nend", "print(f(3))"),
        ("ruby", "def f(x)\n  x\nend", "puts f(3)"),
        ("r", "f <- function(x) {\n  x\n}", "f(3)"),
        ("racket", "(define (f x)\n  x)", "(f 3)"),
        ("julia", "function f(x)\n    x\nend", "println(f(3))"),
        ("perl", "sub f {\n    return $_[0];\n}", "print f(3);"),
        ("swift", "func f(_ x: Int) -> Int {\n    return x\n}", "print(f(3))"),
        ("d", "long f(long x) {\n    return x;\n}", "writeln(f(3));"),
    ],
)
def test_languages_without_a_grammar(language: str, code: str, usage: str) -> None:
    answer = (
        f"Here:\n{fence(code, language)}Call it:\n{fence(usage + ' ' * 80, language)}{fence('3', 'text')}"
    )
    assert from_chat(answer, language=language, entry_point="f").solution == f"{code}\n"
    assert from_chat(code, language=language, entry_point="f").solution == f"{code}\n"
