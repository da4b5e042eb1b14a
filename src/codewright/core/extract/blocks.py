"""Which of an answer's fenced blocks, or which of them together, hold the code."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from codewright.core.extract.markup import Block, Markup
from codewright.core.extract.program import Piece, Program, insert, reach
from codewright.core.extract.salvage import defines, defines_code, reread, salvaged
from codewright.core.extract.task import Task, read_broken, read_program, read_sound

_ELIDED = re.compile(r"^[ \t]*(?:#|//|/\*)[ \t]*(?:\.\.\.|\u2026)", re.MULTILINE)
_LONGER = 6
"""How many fence lines further a block may end than its first, where it does not parse: strings may hold fence lines."""
_TRIED = 8
"""How many blocks that do not parse are repaired, the last ones first."""


@dataclass(frozen=True)
class Candidate:
    """A block as a program. number: its place among the blocks, from 1. done: what had to be done to it."""

    number: int
    block: Block
    program: Program
    done: str = ""

    def weight(self, task: Task) -> tuple[bool, int, bool, bool, int]:
        """Order candidates that define the entry point; of two equal ones the later is the corrected one."""
        hosts = self.program.hosts(task.name) if task.name else []
        whole = not hosts or not task.name or task.name not in hosts[-1].stubs
        whole = whole and not _ELIDED.search(self.program.text)
        top = any(task.name in piece.binds for piece in hosts)
        return (whole, self.block.rank(task.language), not self.program.broken, top, self.number)


def read_blocks(markup: Markup, task: Task) -> list[Candidate]:
    """Read every block that may be in the task's language."""
    found = []
    for number, block in enumerate(markup.blocks, 1):
        program = read_program(block.code, task.language) if block.code.strip() else None
        if program is not None:
            found.append(Candidate(number, block, program))
    return found


def best_block(candidates: list[Candidate], markup: Markup, task: Task) -> Candidate | None:
    """Pick the block that defines the entry point, after repairs if no block does so as it is; None if there is none."""
    broken = [one for one in candidates if one.program.broken]
    defining = [one for one in candidates if defines(one.program, task) and not one.program.broken]
    defining += [fixed for one in broken[-_TRIED:] if (fixed := _reread(one, task))]
    if not any(one.weight(task)[0] for one in defining):
        defining += [fixed for one in broken[-_TRIED:] if (fixed := _repaired(one, markup, task))]
    if not defining:
        read = (replace(one, program=read_broken(one.program)) for one in broken)
        defining = [one for one in read if defines_code(one.program, task)]
    if not defining:
        return None
    if not task.name:
        first = max(defining, key=lambda one: (one.weight(task)[:3], -one.number))
        defining = [one for one in defining if one.program.bound & first.program.bound]
    return max(defining, key=lambda one: one.weight(task))


def _reread(candidate: Candidate, task: Task) -> Candidate | None:
    found = reread(candidate.block.code, task)
    return Candidate(candidate.number, candidate.block, *found) if found else None


def _repaired(candidate: Candidate, markup: Markup, task: Task) -> Candidate | None:
    for code in _longer(candidate.block, markup):
        program = read_sound(code, task.language)
        if program is not None and defines(program, task):
            return Candidate(candidate.number, candidate.block, program, "past a fence inside it")
    if task.name and not task.word.search(candidate.block.code):
        return None
    found = salvaged(candidate.block.code, task)
    if found is None or found[0].broken:  # then the block as it is
        return None
    return Candidate(candidate.number, candidate.block, *found)


def _longer(block: Block, markup: Markup) -> Iterator[str]:
    """Yield a block as if it ended at a later fence."""
    ends = 0
    for number in range(block.last + 1, len(markup.lines)):
        line = markup.lines[number].strip()
        if line.startswith(("```", "~~~")):
            ends += 1
            if ends > _LONGER:
                return
            if not line.strip("`~"):
                yield "\n".join(markup.lines[block.first : number])


# -------------------------------------------------------------------------------------------------------------- joining


def with_other_blocks(chosen: Candidate, candidates: list[Candidate], task: Task) -> tuple[Program, int]:
    """Add what the chosen block needs and other blocks define; return the program and how many blocks it is made of."""
    others = [one for one in candidates if one.number != chosen.number and _may_help(one, task)]
    if not others:
        return chosen.program, 1
    program = chosen.program
    roots = program.hosts(task.name) if task.name else program.pieces
    offered = _offered(chosen, others, task)
    needed = reach(roots, [*program.pieces, *offered]) & offered.keys()
    if not needed:
        return program, 1
    taken = sorted((piece for piece in needed), key=lambda piece: (offered[piece].number, piece.start))
    imports = [offered[piece].program.source(piece) for piece in taken if piece.kind == "import"]
    definitions = [offered[piece].program.source(piece) for piece in taken if piece.kind != "import"]
    text = insert(program, imports, definitions)
    return read_program(text, task.language) or program, 1 + len({offered[piece].number for piece in taken})


def _offered(chosen: Candidate, others: list[Candidate], task: Task) -> dict[Piece, Candidate]:
    """Collect what other blocks bind and the chosen one does not, from the nearest earlier block on, then from later ones."""
    before = [one for one in others if one.number < chosen.number]
    giver = dict.fromkeys(chosen.program.bound, chosen.number)
    offered = {}
    for one in [*reversed(before), *(one for one in others if one.number > chosen.number)]:
        for piece in one.program.pieces:
            fresh = [name for name in piece.binds if giver.setdefault(name, one.number) == one.number]
            if fresh and _is_help(piece, one.program, task):
                offered[piece] = one
    return offered


def _is_help(piece: Piece, program: Program, task: Task) -> bool:
    """Tell whether a piece of another block may be needed: no other version of the entry point, no example of its use."""
    if task.name and task.name in piece.binds | piece.members:
        return False
    if piece.kind == "import":
        return True
    if piece.kind == "definition":
        return not piece.binds <= piece.stubs
    # A value from a block that defines nothing is an example's, unless it is written like a constant.
    values = (
        program.language == "python"
        or program.defines_anything()
        or all(name.isupper() for name in piece.binds)
    )
    return piece.kind == "binding" and values and not (task.name and task.name in piece.uses)


def _may_help(candidate: Candidate, task: Task) -> bool:
    return not candidate.program.broken and candidate.block.rank(task.language) > 1
