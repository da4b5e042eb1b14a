"""Counts of JavaScript: what is a keyword, what only looks like one, and exports. By hand; a query over the whole tree agrees."""

import pytest

from codewright.corpus.quality.javascript import ScriptFacts, facts

LINES = {
    "// return function class import var let const module.exports.a = 1": {},
    'var a = "return", b = /function class/, c = `import ${function () { return 1 }} let`;': {
        "variables": 3, "simple_variables": 2, "simple_returns": 1},
    "const $return = {return: 1, class() {}, function() {}, var: 2}, returned = a.return;": {"variables": 2},
    "let d;": {"variables": 1, "simple_variables": 1},
    '<div id="return">return; var</div>;': {},
    'import("a"); import.meta.url;': {},
    'import e, {f} from "g";': {"imports": 1},
    "export default function () { return /* why */ a; }": {},
    "class A { static b = class {}; c() { return; } }": {"classes": 1, "simple_returns": 1},
    "function* g() { return function () {} }": {"functions": 1},
    "async function h() { for (const i of a) for (let [j] of b) for (k in c) return\n}": {
        "functions": 1, "variables": 1, "simple_variables": 2, "simple_returns": 1},
    "var l = function () {}, m = async function () {}, n = function* () {}, o = () => 1, [p] = q;": {
        "functions": 2, "variables": 2, "simple_variables": 1},
    "module.exports.r = function () {}; module.exports.s = () => 1; module.exports.t = 1; module.exports = 2;": {
        "functions": 2, "variables": 1, "simple_variables": 1},
    "module.exports.u.v = 3; w = module.exports.x; xmodule.exports.y = 4; module . exports.z = 5; module.exports['a'] = 6;": {},
    'if (a) return; else { return "b" }': {"simple_returns": 2},
    "using y = z;": {"variables": 1, "simple_variables": 1},
    "\u00e9return = 1;\u00a0return 1": {"simple_returns": 1},
    "#!/usr/bin/env node\nreturn function () {}": {},
}  # fmt: skip


@pytest.mark.parametrize("content", LINES)
@pytest.mark.parametrize("padding", [0, 20_000])
def test_counts(content: str, padding: int) -> None:
    # Texts of that length are parsed by another call, which watches how long it takes.
    assert facts(content + "\n" + " " * padding, modern=True) == ScriptFacts(**LINES[content])


@pytest.mark.parametrize("content", ["var a = ;", "function (", "{" * 20_000])
def test_what_does_not_parse(content: str) -> None:
    assert facts(content, modern=True) is None
