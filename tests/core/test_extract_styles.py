"""The first law: published reference solutions, given as models give them, come out as they are.

Python has to keep every definition and import, other languages the function's text.
"""

import ast
import gzip
import json
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from codewright.core.extract import from_chat, from_completion
from tests.conftest import REPOSITORY

DATA = REPOSITORY.parent / "shared" / "data" / "benchmarks"
FILES = {
    "python": DATA / "humaneval.jsonl.gz",
    **{name: DATA / "humanevalpack" / f"{file}.jsonl.gz" for name, file in
       [("cpp", "cpp"), ("go", "go"), ("java", "java"), ("javascript", "js"), ("rust", "rust")]},
    "typescript": DATA / "humanevalpack" / "js.jsonl.gz",
}  # fmt: skip
TAGS = {"python": "py", "typescript": "ts", "javascript": "js"}
NAME = re.compile(r"(\w+)\s*(?:=|<[^>(]*>\s*\(|\()")

pytestmark = pytest.mark.shared_data


def fence(code: str, tag: str = "", mark: str = "```") -> str:
    return f"{mark}{tag}\n{code.rstrip()}\n{mark}\n"


def shifted(text: str, by: str) -> str:
    return "\n".join(by + line if line.strip() else line for line in text.split("\n"))


def styles(prompt: str, body: str, language: str, name: str) -> Iterator[tuple[str, str]]:
    """Write one solution in the ways that models answer in."""
    whole, tag = prompt + body, TAGS.get(language, language)
    stub = whole.replace("return", "return return", 1)
    yield "bare", whole
    yield "fence", fence(whole, tag)
    yield "prose", f"Here's how (it's simple):\n\n{fence(whole, tag)}\nCall `{name}(x)`; it's \"right\"."
    yield "no tag", f"Sure!\n{fence(whole)}"
    yield "tildes", fence(whole, tag, "~~~")
    yield "longer", fence(whole, tag, "`````")
    yield "information", fence(whole, f'{tag.upper()} title="a" {{1,3}}')
    yield "unclosed", f"OK:\n```{tag}\n{whole}"
    yield "line ends", f"Answer\n{fence(whole, tag)}Bye".replace("\n", "\r\n")
    yield "list", f"1. Think:\n\n   hard.\n\n2. Code:\n{shifted(fence(whole, tag), '   ')}\n\n3. Done."
    yield "quoted", shifted(fence(whole, tag), "> ").replace("\n\n", "\n>\n")
    yield "thought", f"<think>\nMaybe ```{tag}\n{name}(\n``` hm. {name}?\n</think>\n\n{fence(whole, tag)}"
    yield "thought without a start", f"Maybe\n{fence(name, tag)}hm\n</think>\n{fence(whole, tag)}"
    yield "reasoning", f"<reasoning>It's x</reasoning>{fence(whole, tag)}"
    yield "signature first", f"The signature:\n{fence(prompt, tag)}The code:\n{fence(whole, tag)}"
    yield "broken version first", f"First try:\n{fence(stub, tag)}Corrected:\n{fence(whole, tag)}"
    yield "usage after", f"{fence(whole, tag)}Use:\n{fence(f'{name}(1)', tag)}It gives:\n{fence('42')}"
    yield (
        "commands around",
        f"{fence('pip install x', 'bash')}{fence(whole, tag)}{fence(f'./run {name}', 'sh')}",
    )
    yield "indented", f"```{tag}\n{shifted(whole, '    ')}\n```"
    yield "odd spaces", "Answer:\n" + fence(whole.replace("    ", "\u00a0\u00a0\u00a0 "), tag)
    yield "invisible", "Answer:\n" + fence(whole.replace("\n", "\u200b\n", 3), tag)
    yield "in Markdown", f"```markdown\n# Answer\n{fence(whole, tag)}ok\n```\n"
    yield "fence behind words", f"The code: ```{tag}\n{whole.rstrip()}\n```"
    yield "fence at the end of a line", f"```{tag}\n{whole.rstrip()}```"
    yield "end of text", f"{fence(whole, tag).rstrip()}<|im_end|>"
    yield "no fence", f"Here is the function:\n\n{whole}\n\nIt loops over the input and returns its result."
    yield "body", fence(body, tag)
    yield "body at the margin", f"Just the body:\n{fence(textwrap.dedent(body))}ok"


def squash(text: str) -> str:
    return "".join(text.split()).replace("\u200b", "")


def statements(source: str) -> list[str]:
    tree = ast.parse(source)
    for node in ast.walk(tree):  # an indented docstring is another docstring
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and "\n" in node.value:
            node.value = squash(node.value)
    return [ast.dump(node) for node in tree.body if not isinstance(node, ast.Expr)]


def is_whole(solution: str, prompt: str, body: str, language: str) -> bool:
    if language == "python":
        return statements(solution) == statements(prompt + body)
    return squash(body) in squash(solution) and squash(prompt)[-20:] in squash(solution)


def read(path: Path) -> list[dict[str, Any]]:
    if not path.is_file():
        pytest.skip(f"published file not here: {path.name}")
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def function_name(row: dict[str, Any]) -> str:
    """Return the name in the signature; published entry points of the pack differ from it in places."""
    found = NAME.search(row.get("signature", ""))
    return found[1] if found else str(row["entry_point"])


NOT_IN_PROSE = {"CPP/94"}
"""Ends with an #include and an #undef behind its function, which prose hides."""


@pytest.mark.parametrize("language", FILES)
def test_references_survive_every_style(language: str) -> None:
    lost = []
    for row in read(FILES[language]):
        prompt, body, name = row["prompt"], row["canonical_solution"], function_name(row)
        for style, answer in styles(prompt, body, language, name):
            found = from_chat(answer, language=language, entry_point=name, prompt=prompt)
            if found.failed or not is_whole(found.solution, prompt, body, language):
                lost.append(f"{row['task_id']}, {style}: {found.how}")
    assert [one for one in lost if one.partition(",")[0] not in NOT_IN_PROSE] == []
    assert len(lost) <= len(NOT_IN_PROSE)


@pytest.mark.parametrize("language", FILES)
def test_references_survive_as_continuations(language: str) -> None:
    for row in read(FILES[language]):
        prompt, body, name = row["prompt"], row["canonical_solution"].rstrip(), function_name(row)
        if row["task_id"] in NOT_IN_PROSE:
            continue
        for behind in ("", "\n", "\n```\nThis works because it's right.", "\n\n\nclass Wrong {\n"):
            found = from_completion(prompt, body + behind, language=language, entry_point=name)
            assert squash(found.solution) == squash(prompt + body), (row["task_id"], behind, found.how)
