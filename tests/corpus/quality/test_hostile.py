"""Files made to take for ever: each must end, with a verdict and nothing crashed. A hang is what would fail here."""

import pytest

from tests.corpus.quality.measured import BOOKS

SIZE = 60_000

TEXTS = {
    "words": "a " * SIZE,
    "one word": "a" * SIZE,
    "blanks": " " * SIZE + "x",
    "blank lines": "\n" * SIZE + "x",
    "open quotes": "'" + '"a\n' * SIZE,
    "apostrophes": "it's\n" * (SIZE // 5),
    "open parentheses": "int f(" * (SIZE // 5) + ")",
    "never closed": "int f(\n" * (SIZE // 5),
    "mains": "main(" * (SIZE // 5) + ")",
    "heads": "public static " * (SIZE // 10),
    "returns": 'return "\n' * (SIZE // 10),
    "bare returns": "return" + " " * SIZE + "x\n",
    "variables": "String x =\n" * (SIZE // 10),
    "open blocks": "/*" * SIZE,
    "open tags": "<" * SIZE,
    "open comments": "<!--" * SIZE,
    "open scripts": "<script " * (SIZE // 8),
    "links": "(http://" * (SIZE // 8),
    "hex": "0x12," * (SIZE // 8) + "g",
    "escapes": "\\" * SIZE,
    "heredocs": "<<EOF\n" * (SIZE // 8),
    "stars": "a " + "*" * SIZE,
    "zeros": "\x00" * SIZE,
    "lone surrogates": "\ud800 a\n" * (SIZE // 8),
    "combining marks": "e\u0301\u0301" * (SIZE // 8),
    "nested brackets": "[" * 20_000 + "]" * 20_000,
    "nested blocks": "if (a) {" * 20_000 + "}" * 20_000,
    "nested ifs": "".join(" " * level + "if a:\n" for level in range(300)),
    "minuses": "x = " + "-" * 20_000 + "1",
    "attributes": "x" + ".a" * 20_000,
    "nested tags": "<div>" * 20_000,
}


@pytest.mark.parametrize("name", TEXTS)
def test_hostile_files_end(name: str) -> None:
    for language in (
        "python",
        "javascript",
        "c",
        "java",
        "csharp",
        "go",
        "html",
        "shell",
        "lua",
        "markdown",
        "json",
    ):
        verdict = BOOKS["fixed"].judge(TEXTS[name], name="a.x", language=language)
        assert verdict.crashed == {}, language
        assert not verdict.keep
