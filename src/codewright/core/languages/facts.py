"""What Linguist knows of languages by name, from the data file that `derive.py` makes. Loaded when first asked for."""

import functools
import json
from pathlib import Path
from typing import NamedTuple

from codewright.core.errors import ConfigError
from codewright.core.text import did_you_mean


class Facts(NamedTuple):
    """Names in lower case. Where several languages have a key, they stand in alphabetical order."""

    linguist: str
    """The version they come from."""
    types: dict[str, str]
    """Language -> programming, markup, data or prose."""
    aliases: dict[str, list[str]]
    extensions: dict[str, list[str]]
    """Extension with its dot, folded to lower case -> languages."""
    filenames: dict[str, list[str]]
    interpreters: dict[str, list[str]]
    guarded: list[str]
    """Extensions of one language that others use as well: the content must fit."""


@functools.cache
def load_facts() -> Facts:
    """Load the data file."""
    return Facts(**json.loads(Path(__file__).with_name("linguist.json").read_text(encoding="utf-8")))


@functools.cache
def known_languages() -> tuple[str, ...]:
    """Return all names, sorted."""
    return tuple(sorted(load_facts().types))


def check_language(name: str, where: str) -> None:
    """Look a user's word up, which `where` (the key of a setting) holds. Raises ConfigError when it is no language's name."""
    if name not in known_languages():
        near = did_you_mean(name.lower(), known_languages())
        raise ConfigError(f"{where}: no language '{name}'{near}")


@functools.cache
def _by_any_name() -> dict[str, str]:
    facts = load_facts()
    named = {alias.lower(): names[0] for alias, names in sorted(facts.aliases.items())}
    return {**named, **{name: name for name in facts.types}}


def language_named(word: str) -> str | None:
    """Return the language that is called so, by its name or an alias in any case, or None."""
    return _by_any_name().get(word.lower())
