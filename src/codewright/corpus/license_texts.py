"""Which licences a text is, by comparing it with those that the library `identify` carries.

The texts are choosealicense.com's, 35 of them; `identify`'s own matcher wants a file name and an edit distance per text.
"""

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass

from identify.vendor.licenses import LICENSES

_LONGEST_TEXT = 200_000
"""Characters of a licence file that are compared; the longest text of the library has 44,000."""

_CONTAINED = 0.87
"""Share of a licence text's word triples that a file must hold: ours, from licence files whose metadata names them. Reworded
holders, other headings and a missing appendix go down to .88; texts with a clause less (MIT-0 for MIT) begin at .83."""

_TWINS = 0.7
_NEARLY = 0.02
"""Two texts that share this much are variants; the longer one may be this much less complete. Ours, the same way."""

_BEGINNING = 200
_BEGUN = 0.2
"""Words at the beginning of a licence file, and the share of them that must be of a licence it is said to hold."""

_PREAMBLE = 2500
_TITLED = 5000
"""Characters in which a file says that its licences are a choice, and in which titles count: Python's comes after its history."""

_HOLDER = re.compile(r"(?m)^[^\w\n]*(?:copyright[ \t]+(?:\(c\)|©|\d|[\[<{])|\(c\)[ \t]).{0,60}")

_TITLES = {
    "PSF-2.0": r"python software foundation license version 2",
    "Apache-2.0": r"licensed under the apache license,? version 2",
    "BlueOak-1.0.0": r"blue oak model license",
    "BUSL-1.1": r"business source license 1\.1",
    "CC-BY-NC-4.0": r"attribution-noncommercial 4\.0",
    "CC-BY-NC-SA-4.0": r"attribution-noncommercial-sharealike 4\.0",
    "Elastic-2.0": r"elastic license 2\.0",
    "MIT": r"^\W*(?:the )?mit license\b",
    "Artistic-1.0-Perl": r"^\W*the .?artistic license",
    "GFDL-1.2": r"gnu free documentation license\s+version 1\.2",
    "GFDL-1.3": r"gnu free documentation license\s+version 1\.3",
    "GPL-1.0": r"gnu general public license\s+version 1",
    "LGPL-2.0": r"gnu library general public license\s+version 2",
    "MIT-0": r"mit no attribution|\bmit-0\b",
    "MPL-1.1": r"mozilla public license\s+version 1\.1",
    "SSPL-1.0": r"server side public license",
}
"""Phrases that tell licences which the library has no text of, or files that name a licence and point elsewhere."""

_CHOICE = re.compile(
    r"dual[- ]licen|\beither (?:of|the)\b|at your (?:option|choice)|your choice of", re.IGNORECASE
)


@dataclass(frozen=True)
class LicenseText:
    """What a licence file holds, by SPDX ids; `choice` if it offers them; `begins_with` the one that comes first."""

    names: list[str]
    choice: bool = False
    begins_with: str | None = None


def read_text(text: str) -> LicenseText:
    """Name the licences a file holds the texts of, or else the titles.

    A file that begins with something else, such as terms of its own above the notices of others, has none.
    """
    text = text[:_LONGEST_TEXT].lower()
    words = _words(text)
    library, there, beginning = _library(), _triples(words), _triples(words[:_BEGINNING])
    names = _distinct({name: len(triples & there) / len(triples) for name, triples in library.items()})
    first = max(names, key=lambda name: len(library[name] & beginning), default=None)
    if first and len(library[first] & beginning) < _BEGUN * len(beginning):
        names, first = [], None
    title = next((name for name, phrase in _TITLES.items() if re.search(phrase, text[:_TITLED])), None)
    if title == "PSF-2.0":  # Python's own stack of licences has smaller ones in it
        names, first = sorted({title, *names} - {"0BSD", "ISC"}), first or title
    elif title and not names:
        names, first = [title], title
    if re.search(r"commons clause.{0,40}license condition", text):
        return LicenseText([*names, "LicenseRef-Commons-Clause"])
    few = 1 < len(names) < 4 and not any("GPL" in name for name in names)
    return LicenseText(names, few and bool(_CHOICE.search(text, 0, _PREAMBLE)), first)


def _distinct(shares: Mapping[str, float]) -> list[str]:
    """Choose the licences that a file holds, given how much of each text it does; of near twins only one.

    Of two texts with most words in common the longer one is meant if it is there nearly as fully, since it has the shorter in it.
    """
    library = _library()
    there = sorted(
        (name for name, share in shares.items() if share >= _CONTAINED),
        key=lambda name: (-len(library[name]), name),
    )
    held: list[str] = []
    for name in there:
        twins = [other for other in held if len(library[name] & library[other]) > _TWINS * len(library[name])]
        if any(shares[other] >= shares[name] - _NEARLY for other in twins):
            continue
        held = [other for other in held if other not in twins] + [name]
    if "LGPL-3.0" in held and "GPL-3.0" in held:
        held.remove("GPL-3.0")  # the lesser licence is written as an addition to it
    return held


@functools.cache
def _library() -> dict[str, frozenset[int]]:
    return {name: frozenset(_triples(_words(text.lower()))) for name, text in LICENSES}


def _words(text: str) -> list[str]:
    """Split a lower-case text, without the lines that name the holder."""
    return re.findall(r"[a-z0-9]+", _HOLDER.sub("", text))


def _triples(words: list[str]) -> set[int]:
    """Hash every three words in a row."""
    return {hash(triple) for triple in zip(words, words[1:], words[2:], strict=False)}
