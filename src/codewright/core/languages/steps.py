"""Name a file's language, step by step, the surest first; the first step that speaks decides.

1. file name: `Makefile` is one, whatever it holds.
2. extension, where one language has it. It comes before the modeline: editors' modes are often a near miss
   (`Mode: C++` over JavaScript, for the indentation), extensions of one language hardly ever.
3. modeline of Emacs or Vim: the author's own word. Where several languages share the extension it chooses among these.
4. shebang: what runs the file; after the modeline, because `#!/bin/sh` may only start another interpreter.
5. content: our own rules for shared extensions (`shared_code.py`, `shared_data.py`).
6. fallback: the commonest language of the extension where no rule speaks; the tables say why.
"""

import functools
import re
from collections.abc import Sequence
from typing import NamedTuple

from codewright.core.languages import shared_code, shared_data
from codewright.core.languages.facts import language_named, load_facts

LOOK_AT = 16_384
"""Characters of a file that rules look at: past the licence and into the code, and a bound on the time a file may take."""

TABLE = {**shared_data.TABLE, **shared_code.TABLE}
"""What is known of each shared extension."""

_MODELINE_LINES = 5
"""Vim's default (`:help modelines`); Emacs reads the first line, the second after a shebang."""

_MODELINE_CHARS = 400
"""How far into the beginning and the end modelines are looked for; longer lines hold no modeline."""

_EMACS = re.compile(
    r"-\*-[ \t]*(?:(?:.*?[ \t;])?mode[ \t]*:[ \t]*([^\s;]+?)[ \t]*(?:;.*?)?|([^\s:;]+))[ \t]*-\*-", re.I
)
_VIM = re.compile(r"(?:^|[ \t])(?:vim?|ex)[<=>]?\d*:.*?\b(?:ft|filetype|syntax)=(\w+)", re.M)
_SHEBANG = re.compile(r"#![ \t]*(?:\S*/)?(\S+)(.*)")

_EDITORS_NAMES = {"js2": "javascript", "caml": "ocaml", "tuareg": "ocaml"}
"""Modes of Emacs that Linguist's aliases do not have."""

_SAYS_NOTHING = {"text", "c", "roff"}
"""Modes that are often only the editor's default (`Mode: C` over a C++ header) or too wide (`nroff` over a manual page)."""


class Identified(NamedTuple):
    """A language or None, the step that decided, and what it went by."""

    language: str | None
    step: str
    detail: str


def language_of(path: str) -> str | None:
    """Name a language by the file's name alone: of several that share an extension, the commonest."""
    return identify(path, "").language


def identify(path: str, content: str) -> Identified:
    """Name the language of a file. Only the first `LOOK_AT` characters are looked at, and the last lines for modelines."""
    key, owners, sure = _by_name(path)
    if sure:
        return sure
    content = content.removeprefix("\ufeff")  # a byte order mark
    return (
        _by_modeline(content, owners)
        or _by_shebang(content, owners)
        or _by_content(content, key)
        or _fallback(key)
    )


def language_by_name(path: str) -> str | None:
    """Name the language that the file's name decides whatever it holds; None where the content has a say."""
    sure = _by_name(path)[2]
    return sure.language if sure else None


def _by_name(path: str) -> tuple[str, Sequence[str], Identified | None]:
    """Return what is known by (the name, or the extension), whose it is, and the answer where it is one language's."""
    name = path[path.rfind("/") + 1 :]
    owners: Sequence[str] = load_facts().filenames.get(name, ())
    if owners:
        return name, owners, Identified(owners[0], "file name", name) if len(owners) == 1 else None
    key, owners = _extension(name)
    sure = len(owners) == 1 and key not in _guarded()
    return key, owners, Identified(owners[0], "extension", key) if sure else None


@functools.cache
def _guarded() -> frozenset[str]:
    return frozenset(load_facts().guarded)


def _extension(name: str) -> tuple[str, Sequence[str]]:
    """Return the longest known extension and its languages, or the last one and none."""
    known = load_facts().extensions
    name = name.lower()
    dot = name.find(".", 1)
    while dot > 0:
        owners = known.get(name[dot:])
        if owners:
            return name[dot:], owners
        dot = name.find(".", dot + 1)
    return (name[name.rfind(".", 1) :] if "." in name[1:] else ""), ()


def _by_modeline(content: str, owners: Sequence[str]) -> Identified | None:
    head, tail = content[:_MODELINE_CHARS], content[-_MODELINE_CHARS:]
    found = None
    if "-*-" in head:
        found = _EMACS.search("\n".join(head.split("\n", 2)[:2]))
    if not found and ("ft=" in head or "filetype=" in head or "syntax=" in head):
        found = _VIM.search("\n".join(head.split("\n")[:_MODELINE_LINES]))
    if not found and ("ft=" in tail or "filetype=" in tail or "syntax=" in tail):
        found = _VIM.search("\n".join(tail.rstrip().rsplit("\n", _MODELINE_LINES)[-_MODELINE_LINES:]))
    if not found:
        return None
    mode = (found.group(1) or found.group(2)).lower().removesuffix("-mode")
    language = _EDITORS_NAMES.get(mode) or language_named(mode)
    if language is None or (owners and (language not in owners or language in _SAYS_NOTHING)):
        return None
    return Identified(language, "modeline", found.group().strip())


def _by_shebang(content: str, owners: Sequence[str]) -> Identified | None:
    if not content.startswith("#!"):
        return None
    found = _SHEBANG.match(content)
    if not found:
        return None
    program, arguments = found.groups()
    if program == "env":
        # `env -S NAME=value python -u`: the first word that is neither an option nor a setting.
        words = [word for word in arguments.split() if not word.startswith("-") and "=" not in word]
        program = words[0].rsplit("/", 1)[-1] if words else ""
    known = load_facts().interpreters
    # python3.11 -> python3 -> python
    for candidate in (program, program.split(".")[0], program.rstrip("0123456789.-")):
        if candidate in known:
            return Identified(_of_interpreter(known[candidate], owners), "shebang", found.group().strip())
    return None


def _of_interpreter(languages: Sequence[str], owners: Sequence[str]) -> str:
    """Choose by the extension; else a programming language (perl also runs Pod), the first in the alphabet."""
    types = load_facts().types
    among = [language for language in languages if language in owners]
    among = among or [language for language in languages if types[language] == "programming"]
    return (among or languages)[0]


class Rule(NamedTuple):
    """A line of the tables, compiled."""

    language: str
    pattern: re.Pattern[str]
    words: tuple[str, ...]
    at_line: bool

    def search(self, text: str, after_line: str) -> re.Match[str] | None:
        """Find a sign of the language. after_line: the text behind an empty line."""
        if self.words and not any(word in text for word in self.words):
            return None
        return self.pattern.search(after_line if self.at_line else text)


@functools.cache
def rules_of(key: str) -> tuple[Rule, ...]:
    """Return the rules of a shared extension, compiled when it is first met."""
    return tuple(
        Rule(language, re.compile(pattern, re.MULTILINE), tuple(words), pattern.startswith(r"\n"))
        for language, pattern, *words in TABLE[key].rules
    )


def _by_content(content: str, key: str) -> Identified | None:
    if key not in TABLE:
        return None
    text = content[:LOOK_AT]
    if "\r" in text:  # `$` knows only one end of a line
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    after_line = f"\n{text}"
    for rule in rules_of(key):
        found = rule.search(text, after_line)
        if found:
            shown = " ".join(found.group().split())
            return Identified(rule.language, "content", f"{key} with '{shown[:60]}'")
    return None


def _fallback(key: str) -> Identified:
    if key not in TABLE:
        return Identified(None, "none", f"nothing is known of {key or 'files without extension'}")
    row = TABLE[key]
    return Identified(row.fallback, "fallback" if row.fallback else "none", f"{key}: {row.why}")
