"""What is looked for in an answer, and what came of it."""

import re
from dataclasses import dataclass, replace
from functools import cached_property

from codewright.core.extract.grammar import GRAMMARS
from codewright.core.extract.program import Program
from codewright.core.extract.python_pieces import read_python
from codewright.core.extract.tree_pieces import read_tree


@dataclass(frozen=True)
class Extraction:
    """Code taken out of an answer. how: in which way, a few words; failed: no code was found, `solution` is a best guess."""

    solution: str
    how: str
    failed: bool = False


@dataclass(frozen=True)
class Task:
    """Which function is wanted, in which language, and the text that asked for it. entry_point: empty for a whole program."""

    language: str
    entry_point: str
    prompt: str

    @cached_property
    def name(self) -> str:
        """Return the entry point without the class it may be qualified with."""
        return re.split(r"\.|::|#", self.entry_point)[-1].strip() if self.entry_point else ""

    @cached_property
    def word(self) -> re.Pattern[str]:
        """Match the entry point as a word of its own."""
        return re.compile(rf"(?<![\w]){re.escape(self.name)}(?![\w])")


def has_grammar(language: str) -> bool:
    """Tell whether programs in a language can be read into pieces."""
    return language in GRAMMARS


def read_program(text: str, language: str) -> Program | None:
    """Read source into pieces; None without a grammar. Python that its own parser refuses is broken and has no pieces."""
    if language == "python":
        return read_python(text) or Program(text, language, (), broken=True)
    if language == "php" and "<?" not in text:
        text = f"<?php\n{text}"
    return read_tree(text, language) if has_grammar(language) else None


def read_sound(text: str, language: str) -> Program | None:
    """Read source into pieces; None if any of it does not parse."""
    program = read_program(text, language) if text.strip() else None
    return program if program is not None and not program.broken else None


def read_broken(program: Program) -> Program:
    """Return a broken program with the pieces that its grammar still makes out."""
    if program.pieces or program.language != "python":
        return program
    return replace(read_tree(program.text, "python") or program, broken=True)
