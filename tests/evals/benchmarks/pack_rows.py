"""Rows of HumanEvalPack's shape in its six languages, all about one small problem with a helper that the tests call too."""

from typing import Any

DOCS = "Return four times a whole number, larger numbers after smaller ones.\n>>> quadruple(2)\n8"


def _row(  # noqa: PLR0917 - the rows below read as they are published: in this order
    language: str,
    prompt: str,
    declaration: str,
    signature: str,
    canonical: str,
    buggy: str,
    test: str,
) -> dict[str, Any]:
    return {
        "task_id": f"{language}/7",
        "prompt": prompt,
        "declaration": declaration,
        "signature": signature,
        "canonical_solution": canonical,
        "buggy_solution": buggy,
        "test": test,
        "docstring": DOCS,
        "entry_point": "quadruple_a_number",  # some published ones are wrong like this
        "bug_type": "missing logic",
    }


_PY_HELPER = "def double(x: int) -> int:\n    return 2 * x\n\n\n"
_PY_DOCS = '    """Return four times a whole number, larger numbers after smaller ones.\n    >>> quadruple(2)\n    8\n    """\n'
_JS_HELPER = "const double = (x) => {\n  return 2 * x;\n}\n\n"
_JAVA_HEAD = (
    "import java.util.*;\n\nclass Solution {\n    public int twice(int x) {\n        return 2 * x;\n    }\n\n"
)
_GO_HEAD = 'import (\n    "math"\n)\n\nfunc Double(x int) int {\n    return 2 * x\n}\n\n'
_CPP_HELPER = "int twice(int x){\n    return 2*x;\n}\n\n"
_RUST_USES = "use std::{cmp::{max, self}, collections::{HashSet, HashMap}};\nuse std::any::{Any, TypeId};\n\n"
_RUST_HELPER = "pub fn double(x: i32) -> i32 {\n    2 * x\n}\n\n"
_COMMENT = f"/*\n{DOCS}\n*/\n"

ROWS: dict[str, dict[str, Any]] = {
    "python": _row(
        "Python",
        f"{_PY_HELPER}def quadruple(x: int) -> int:\n{_PY_DOCS}",
        f"{_PY_HELPER}def quadruple(x: int) -> int:\n",
        "quadruple(x: int) -> int",
        "    return double(double(x))\n",
        "    return double(x)\n",
        "def check(quadruple):\n    assert quadruple(double(1)) == 8\n    assert quadruple(0) == 0\n\ncheck(quadruple)",
    ),
    "javascript": _row(
        "JavaScript",
        f"{_JS_HELPER}{_COMMENT}const quadruple = (x) => {{\n",
        f"{_JS_HELPER}const quadruple = (x) => {{\n",
        "const quadruple = (x)",
        "  return double(double(x));\n}\n\n",
        "  return double(x);\n}\n\n",
        "const testQuadruple = () => {\n  console.assert(quadruple(double(1)) === 8)\n  console.assert(quadruple(0) === 0)\n}\n\ntestQuadruple()\n",
    ),
    "java": _row(
        "Java",
        f"{_JAVA_HEAD}    /**\n    {DOCS}\n     */\n    public int quadruple(int x) {{\n",
        f"{_JAVA_HEAD}    public int quadruple(int x) {{\n",
        "public int quadruple(int x)",
        "        return twice(twice(x));\n    }\n}\n",
        "        return twice(x);\n    }\n}\n",
        "public class Main {\n    public static void main(String[] args) {\n        Solution s = new Solution();\n"
        "        List<Boolean> correct = Arrays.asList(s.quadruple(s.twice(1)) == 8, s.quadruple(0) == 0);\n"
        "        if (correct.contains(false)) {\n            throw new AssertionError();\n        }\n    }\n}\n",
    ),
    "go": {
        **_row(
            "Go",
            f"{_GO_HEAD}// Return four times a whole number, larger numbers after smaller ones.\n// >>> quadruple(2)\n// 8\n"
            "func Quadruple(x int) int {\n",
            "\nfunc Quadruple(x int) int {\n",
            "func Quadruple(x int) int",
            "    return Double(Double(x))\n}\n\n",
            "    return Double(x)\n}\n\n",
            "func TestQuadruple(t *testing.T) {\n    if Quadruple(Double(1)) != 8 || Quadruple(0) != 0 {\n        t.Fail()\n    }\n}\n",
        ),
        "test_setup": 'package main\n\nimport (\n    "testing"\n)\n',
        "import": 'import (\n    "math"\n)\n',
    },
    "cpp": _row(
        "CPP",
        f"#include<stdio.h>\nusing namespace std;\n{_CPP_HELPER}{_COMMENT}int quadruple(int x){{\n",
        # As in CPP/38, the published declaration may run into the body.
        f"#include<stdio.h>\n#include<vector>\nusing namespace std;\n{_CPP_HELPER}int quadruple(int x){{\n    if (x) {{\n",
        "int quadruple(int x)",
        "    return twice(twice(x));\n}\n",
        "    return twice(x);\n}\n",
        "#undef NDEBUG\n#include<assert.h>\nint main(){\n    assert (quadruple(twice(1)) == 8);\n    assert (quadruple(0) == 0);\n}\n",
    ),
    "rust": _row(
        "Rust",
        f"fn main(){{}}\n\n{_RUST_USES}{_RUST_HELPER}{_COMMENT}fn quadruple(x: i32) -> i32 {{\n\n",
        f"\n{_RUST_USES}{_RUST_HELPER}fn quadruple(x: i32) -> i32 {{\n\n",
        "quadruple(x: i32) -> i32",
        "    double(double(x))\n}\n",
        "    double(x)\n}\n",
        "\n#[cfg(test)]\nmod tests {\n    use super::*;\n\n    #[test]\n    fn test_quadruple() {\n"
        "        assert_eq!(quadruple(double(1)), 8);\n        assert_eq!(quadruple(0), 0);\n    }\n}\n",
    ),
}
"""Our language -> its row."""

_CPP_MAIN = "int main() {\n    char brace = '}'; // }\n    cout << \"}\" << quadruple(1);\n    return 0;\n}\n"
_RUST_TESTS = "#[cfg(test)]\nmod tests {\n    use super::*;\n    #[test]\n    fn mine() { assert_eq!(quadruple(1), 4); }\n}\n"

STANDING_ALONE: dict[str, tuple[str, ...]] = {
    "python": (
        "def quadruple(x):\n    return double(double(x))\n",
        "from __future__ import annotations\n\ndef double(n: Optional[int]) -> int:\n    return math.floor(n) * 2\n\n"
        "def quadruple(x):\n    return double(double(x))\n\nprint(quadruple(1))\n",
    ),
    "javascript": (
        "const quadruple = (x) => double(double(x));\n",
        "const double = (n) => n + n;\nfunction quadruple(x) {\n  return double(double(x));\n}\nconsole.log(quadruple(1));\n",
    ),
    "java": (
        "import java.util.function.*;\n\npublic int quadruple(int x) {\n    IntUnaryOperator f = this::twice;\n    return f.andThen(f).applyAsInt(x);\n}\n",
        "package org.example;\n\nimport java.util.List;\n\npublic class Solution {\n    public int quadruple(int x) {\n        return x * 4;\n    }\n}\n",
        "public class Solution {\n    public int twice(int x) {\n        return x + x;\n    }\n\n    public int quadruple(int x) {\n        return twice(twice(x));\n    }\n}\n\n"
        'public class Main {\n    public static void main(String[] args) {\n        System.out.println("}" + new Solution().quadruple(1)); // }\n    }\n}\n',
    ),
    "go": (
        "func Quadruple(x int) int {\n\treturn Double(Double(x))\n}\n",
        'package main\n\nimport (\n\t"fmt"\n\tm "math"\n\t"os"\n)\n\nfunc Double(x int) int {\n\treturn x + x\n}\n\n'
        'func Quadruple(x int) int {\n\treturn int(m.Abs(float64(Double(Double(x)))))\n}\n\nfunc main() {\n\tfmt.Println(Quadruple(1), "}")\n}\n',
    ),
    "cpp": (
        "int quadruple(int x) {\n    return twice(twice(x));\n}\n",
        "#include <iostream>\n#include <vector>\n\nint twice(int x) {\n    return x + x;\n}\n\nint quadruple(int x) {\n    return twice(twice(x));\n}\n\n"
        + _CPP_MAIN,
        "int quadruple(int x) {\n    set<int> seen;\n    map<int, int> four = {{1, 4}};\n    seen.insert(4 * x);\n    return *seen.begin() * four[1] / 4;\n}\n",
    ),
    "rust": (
        "fn quadruple(x: i32) -> i32 {\n    double(double(x))\n}\n",
        "use std::collections::HashMap;\n\npub fn double(x: i32) -> i32 {\n    x + x\n}\n\nfn quadruple<'a>(x: i32) -> i32 {\n"
        "    let mut seen: HashMap<i32, char> = HashMap::new();\n    seen.insert(double(double(x)), '}');\n    *seen.keys().next().unwrap()\n}\n\n"
        'fn main() {\n    println!("{}", quadruple(1));\n}\n\n' + _RUST_TESTS,
    ),
}
"""Right answers in chat form: without what the prompt gives, and with more than that."""
