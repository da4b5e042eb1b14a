"""Code out of chat answers."""

import re

from codewright.core.extract.blocks import Candidate, best_block, read_blocks, with_other_blocks
from codewright.core.extract.bodies import joined_body
from codewright.core.extract.context import with_context
from codewright.core.extract.markup import Block, Markup, read_markup
from codewright.core.extract.program import Program
from codewright.core.extract.salvage import code_lines, defines, reread, salvaged, seems_to_define
from codewright.core.extract.task import Extraction, Task, has_grammar, read_program, read_sound
from codewright.core.extract.usage import without_usage

_BODIES = 8
"""How many blocks are tried as the body of the prompt's function."""

_PHP_END = re.compile(r"\?>\s*\Z")


def from_chat(
    response: str, *, language: str = "python", entry_point: str = "", prompt: str = ""
) -> Extraction:
    """Return the code of a chat answer that defines the entry point, alone or with what other blocks and the prompt add.

    entry_point: the function or class that is wanted; empty for a whole program, of which nothing is left out. prompt: the
    text that asked for it; where it is code, its imports, its helpers and its open function are used. Never raises.
    """
    task = Task(language, entry_point, prompt)
    markup = read_markup(response)
    if not has_grammar(language):
        return _without_grammar(markup, task)
    candidates = read_blocks(markup, task)
    found = _from_blocks(candidates, markup, task) or _from_text(markup, task) or _from_bodies(markup, task)
    found = found or _unparsed(markup, task) or _something(candidates, markup, task)
    if found is None and markup.text != response:
        found = _whole(response, task)  # what looked like a thought was a string of the program
    if found is not None:
        return found
    return Extraction(
        _ended(markup.text), "thought never ends" if markup.unfinished else "nothing found", failed=True
    )


def _ended(text: str) -> str:
    return text.strip("\n").rstrip() + "\n" if text.strip() else ""


def _finished(program: Program, task: Task, how: str) -> Extraction:
    """Leave usage out, add what the prompt gave, and say so."""
    text = without_usage(program, task)
    if text != program.text:
        how += ", usage left out"
        program = read_program(text, task.language) or program
    if task.prompt:
        whole = with_context(program, task)
        how += ", prompt's code added" if whole != text else ""
        text = whole
    if task.language == "php":
        text = _PHP_END.sub("", text)
    return Extraction(_ended(text), how)


# ------------------------------------------------------------------------------------------------------------- the ways


def _from_blocks(candidates: list[Candidate], markup: Markup, task: Task) -> Extraction | None:
    chosen = best_block(candidates, markup, task) if candidates else None
    if chosen is None:
        return None
    if _is_stub(chosen.program, task) and (body := _from_bodies(markup, task)) is not None:
        return body
    program, count = with_other_blocks(chosen, candidates, task)
    how = f"{count} fences joined" if count > 1 else f"fence {chosen.number} of {len(markup.blocks)}"
    how += f", {chosen.done}" if chosen.done else ""
    how += ", does not parse" if program.broken and task.language == "python" else ""
    return _finished(program, task, how)


def _is_stub(program: Program, task: Task) -> bool:
    hosts = program.hosts(task.name) if task.name else []
    return bool(hosts) and task.name in hosts[-1].stubs


def _from_text(markup: Markup, task: Task) -> Extraction | None:
    """Look for code that no fence holds."""
    text = markup.text
    if markup.blocks and not (task.name and task.word.search(text)):
        return None
    if (whole := _whole(text, task)) is not None:
        return whole
    text = markup.outside() if markup.blocks else text
    found = (reread(text, task) or salvaged(text, task)) if text.strip() else None
    if found is None:
        return None
    program, how = found
    return _finished(program, task, f"text without a fence, {how}")


def _whole(text: str, task: Task) -> Extraction | None:
    program = read_sound(text, task.language)
    return _finished(program, task, "whole text") if program is not None and defines(program, task) else None


def _from_bodies(markup: Markup, task: Task) -> Extraction | None:
    if not task.name or not task.prompt:
        return None
    blocks = sorted(markup.blocks, key=lambda block: -block.rank(task.language))[:_BODIES]
    for code in [block.code for block in blocks] or [markup.text]:
        text = joined_body(code, task)
        program = read_program(text, task.language) if text is not None else None
        if program is not None:
            return Extraction(_ended(without_usage(program, task)), "body joined to the prompt")
    return None


def _unparsed(markup: Markup, task: Task) -> Extraction | None:
    """Take what seems to define the entry point although nothing here can parse it, as it is."""
    total = len(markup.blocks)
    numbered = [
        (number, block) for number, block in enumerate(markup.blocks, 1) if seems_to_define(block.code, task)
    ]
    if numbered:
        number, block = max(numbered, key=lambda pair: _likelihood(pair[0], pair[1], task))
        return Extraction(_ended(block.code), f"fence {number} of {total}, does not parse")
    text = code_lines(markup.text, task.language)
    if not total and seems_to_define(text, task):
        return Extraction(_ended(text), "text without a fence, does not parse")
    return None


def _likelihood(number: int, block: Block, task: Task) -> tuple[int, int, int]:
    return seems_to_define(block.code, task), block.rank(task.language), number


def _something(candidates: list[Candidate], markup: Markup, task: Task) -> Extraction | None:
    """Take code that does not define the entry point: another function, or a program where none is named."""
    named = Task(task.language, "", task.prompt)
    chosen = best_block(candidates, markup, named) if candidates else None
    missing = f", no {task.name} in it" if task.name else ""
    if chosen is None and not task.name:
        scripts = [one for one in candidates if one.block.rank(task.language) > 1]
        chosen = max(
            scripts,
            key=lambda one: (not one.program.broken, one.block.rank(task.language), len(one.block.code)),
            default=None,
        )
    if chosen is not None:
        joined, count = with_other_blocks(chosen, candidates, named)
        how = f"{count} fences joined" if count > 1 else f"fence {chosen.number} of {len(markup.blocks)}"
        return Extraction(_ended(joined.text), how + missing)
    program = read_sound(markup.text, task.language) if not markup.blocks else None
    if program is not None and (program.defines_anything() or not task.name):
        return Extraction(_ended(program.text), f"whole text{missing}")
    return None


# ----------------------------------------------------------------------------------------------------- without a grammar


def _without_grammar(markup: Markup, task: Task) -> Extraction:
    """Take the last block of the likeliest kind that seems to define the entry point, else the longest, else all the text."""
    total = len(markup.blocks)
    numbered = [(number, block) for number, block in enumerate(markup.blocks, 1) if block.code.strip()]
    defining = [pair for pair in numbered if seems_to_define(pair[1].code, task)]
    if defining:
        number, block = max(defining, key=lambda pair: _likelihood(pair[0], pair[1], task))
        return Extraction(_ended(block.code), f"fence {number} of {total}")
    likely = [pair for pair in numbered if pair[1].rank(task.language) > 1]
    if likely:
        number, block = max(likely, key=lambda pair: (pair[1].rank(task.language), len(pair[1].code)))
        missing = f", no {task.name} in it" if task.name else ""
        return Extraction(_ended(block.code), f"fence {number} of {total}{missing}")
    text = _ended(markup.text)
    return Extraction(
        text, "whole text" if text and not total else "nothing found", failed=not text or bool(total)
    )
