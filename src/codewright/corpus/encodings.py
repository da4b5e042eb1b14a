"""Which 8-bit or double-byte encoding undeclared text is in: the one whose reading makes sense, if it is the only one.

A detector made for web pages (charset-normalizer) finds too little prose in source code: with a handful of bytes above ASCII
it was wrong for one file in three. So readings are first judged by rules of spelling; it decides only between those left.
"""

# ruff: noqa: RUF001 - look-alikes are what this is about

import itertools
import re
from collections.abc import Callable

from charset_normalizer import from_bytes

_WORDS = 1000
_LOOKS = 20_000
_LONGEST_WORD = 100
_LONGEST_RUN = 2000
"""Different words with bytes above ASCII that are judged, how often one is looked for, the bytes a word may have on either
side of such bytes, and of such bytes (even, so that no character of two is cut)."""

_HIGH = re.compile(rb"[\x80-\xff]+")
_ASCII = re.compile(rb"[\x00-\x7f]+")
_LOWEST_TRAIL = 0x30
"""No byte below is the second of a character, in any encoding here (GB 18030 has digits), so words can be cut there."""

_QUOTES = "‘’“”–—…•«»·\xad"
_SIGNS = "¢£¥§©ª®°±²³µ¶º¼½¾×÷™"
_LETTER, _FOREIGN = r"[^\W\d_]", r"[^\W\d_a-zA-Zªµº]"

_NO_LATIN = re.compile(
    rf"""{_LETTER}[{_SIGNS}¡¿“”…•«»\xa0]{_LETTER}   # a sign inside a word
      | {_LETTER}[¡¿¢] | [¡¿](?!{_LETTER}) | (?<![\w)])™   # or where it never stands
      | [{_SIGNS}¡¿]{{2}}                            # two in a row
      | [{_SIGNS}]{_FOREIGN} | {_FOREIGN}[{_SIGNS}]
      | [a-zß-öø-ÿ][À-ÖØ-ÞŒŠŽŸĂĄĆČĎĐĘĚĹĽŁŃŇŐŔŘŚŞŢŤŮŰŹŻ]  # a capital inside a word
      | {_FOREIGN}{{3}}                              # hardly a letter without an accent
      | [\x80-\x9f\xad¤¦¨¬¯´¸¹€‚ƒ„†‡ˆ‰‹›˜˙˝˛ˇ˘]      # controls, and signs that sources do not hold
    """,
    re.VERBOSE,
)
"""What no text in Latin letters holds, but misread text does."""

_SINGLE = re.compile(r"(?<![^\x00-\x7f])[^\x00-\x7f](?![^\x00-\x7f])")
_LONELY = re.compile(rf"(?<!{_LETTER}){_FOREIGN}+(?!{_LETTER})")

_STRAY = re.compile(rf"[\x80-\x9f]|[{_SIGNS}]{_FOREIGN}")
_BEYOND_LATIN = re.compile("[\u0370-\u1fff\u3041-\ud7ff]")
_WIDE = re.compile("[\u3041-\u30fc\u4e00-\u9fff\uac00-\ud7a3]")
_MIXED = re.compile(r"[a-zA-Z][^\W\d_a-zA-Z]|[^\W\d_a-zA-Z][a-zA-Z]")

_WEST = frozenset("àáâãäåæçèéêëìíîïðñòóôõöøùúûüýþÿœßÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑÒÓÔÕÖØÙÚÛÜÝÞŒ")
_CENTRAL = tuple(
    frozenset(letters + letters.upper())
    for letters in (
        "áčďéěíňóřšťúůýžäöü",
        "áäčďéíľňóôšťúýž",
        "ąćęłńóśźż",
        "áéíóöőúüű",
        "ăâîşţ",
        "čćđšž",
        "äöüß",
    )
)
"""Alphabets of Czech, Slovak (without its rarest letters), Polish, Hungarian, Romanian, Croatian and Slovene, German."""

_NO_CENTRAL = re.compile("ń[aeiouy]|ă[oe]", re.IGNORECASE)
"""Polish writes ni before a vowel and Romanian no ao: these are the ñ of Spanish, the ã of Portuguese, misread."""

_FREQUENT = {
    "cyrillic": frozenset("оеаинтсрвл"),
    "greek": frozenset("αοιετσνηυρίά"),
    "hebrew": frozenset("יוהלאמרתבש"),
}
"""The commonest letters of Russian, Greek and Hebrew: well over half of running text, a third of misread text."""

_FEW = 12
_FEW_WIDE = 8
_ENOUGH = 40
"""Letters, double-byte characters and high bytes below which nothing is said. Ours: of 228 such files of vim, gettext
and texinfo whose encoding is known, declarations ignored, 147 were read right, 81 refused, none read wrong."""


def guess(data: bytes) -> str | None:
    """Name the encoding of undeclared text that is not UTF-8, or None where no reading makes sense, or several do."""
    sample = b"\n".join(_words(data))
    valid = sum(char >= "\x80" for char in sample.decode("utf-8", "ignore"))
    if 4 * valid >= len(_ASCII.sub(b"", sample)):
        return None  # UTF-8 with something broken in it: at least half of these bytes are in whole characters
    readings: dict[str, str] = {}
    for encoding, makes_sense in _READINGS.items():
        try:
            text = sample.decode(encoding)
        except UnicodeDecodeError:
            continue
        if makes_sense(text):
            readings[encoding] = text
    if len(set(readings.values())) > 1:
        return _chosen(sample, list(readings))
    return next(iter(readings), None)


def _chosen(sample: bytes, encodings: list[str]) -> str | None:
    """Let the detector decide between readings that all make sense, if there is enough to judge by."""
    if len(_ASCII.sub(b"", sample)) < _ENOUGH:
        return None
    best = from_bytes(sample, cp_isolation=encodings, enable_fallback=False).best()
    return best.encoding if best else None


def _words(data: bytes) -> list[bytes]:
    """Collect the different words with bytes above ASCII, up to a bound."""
    words: dict[bytes, None] = {}
    end = 0
    for found in itertools.islice(_HIGH.finditer(data), _LOOKS):
        if found.start() < end:
            continue
        start, end = found.span()
        while start > 0 and data[start - 1] >= _LOWEST_TRAIL and found.start() - start < _LONGEST_WORD:
            start -= 1
        while end < len(data) and data[end] >= _LOWEST_TRAIL and end - found.end() < _LONGEST_WORD:
            end += 1
        words[data[start : min(end, found.start() + _LONGEST_RUN)]] = None
        if len(words) == _WORDS:
            break
    return list(words)


def _west(text: str) -> bool:
    return _latin(text) and _accented(text) <= _WEST


def _central(text: str) -> bool:
    letters = _accented(text)
    return _latin(text) and any(letters <= alphabet for alphabet in _CENTRAL) and not _NO_CENTRAL.search(text)


def _accented(text: str) -> set[str]:
    return {char for char in text if char >= "\x80" and char.isalpha()} - {"ª", "µ", "º"}


def _latin(text: str) -> bool:
    """Tell whether this may be Latin letters with accents and signs: mostly single ones, letters beside letters."""
    if _NO_LATIN.search(text):
        return False
    words = text.replace("ß", "s").split("\n")  # it stands behind an umlaut, which no other accent does
    double = sum(1 for word in words if not _SINGLE.search(word))
    lonely = sum(1 for word in words if _LONELY.search(word))
    return max(2 * double, 4 * lonely) <= len(words)


def _script(text: str, first: str, last: str, frequent: frozenset[str]) -> bool:
    """Tell whether the letters are of one alphabet, enough, mostly small, and the common ones are common."""
    letters = [char for char in text if char >= "\x80" and char.isalpha()]
    if len(letters) < _FEW or not all(first <= char <= last for char in letters):
        return False
    words = text.split("\n")
    if len(letters) < 3 * len(words) or _STRAY.search(text):
        return False
    mixed = sum(1 for word in words if _MIXED.search(word))
    common = sum(char in frequent for char in "".join(letters).lower())
    capitals = sum(map(str.isupper, letters))
    return common > 0.45 * len(letters) and capitals < 0.5 * len(letters) and 10 * mixed < len(letters)


def _cyrillic(text: str) -> bool:
    return _script(text, "Ё", "ґ", _FREQUENT["cyrillic"])


def _greek(text: str) -> bool:
    return _script(text, "Ά", "ώ", _FREQUENT["greek"])


def _hebrew(text: str) -> bool:
    return _script(text, "א", "ת", _FREQUENT["hebrew"])


def _wide(text: str) -> list[str]:
    """Return kana, ideographs and Hangul, or none where they are too few to judge by."""
    wide = _WIDE.findall(text)
    return wide if len(set(wide)) >= _FEW_WIDE else []


def _japanese(text: str) -> bool:
    wide = _wide(text)
    return bool(wide) and sum("\u3041" <= char <= "\u30fc" for char in wide) > 0.2 * len(wide)


def _chinese(text: str) -> bool:
    return bool(_wide(text)) and not _japanese(text) and _level(text, "gb2312", 0xA1, 0xD7)


def _taiwanese(text: str) -> bool:
    return bool(_wide(text)) and not _japanese(text) and _level(text, "big5", 0xA1, 0xC6)


def _korean(text: str) -> bool:
    wide = _wide(text)
    hangul = sum("가" <= char <= "힣" for char in wide)
    return (
        bool(wide) and hangul > 0.9 * len(_BEYOND_LATIN.findall(text)) and _level(text, "euc_kr", 0xA1, 0xC8)
    )


def _level(text: str, encoding: str, first: int, last: int) -> bool:
    """Tell whether nearly all double-byte characters are in the rows of a standard that hold its signs and common characters."""
    wide = [char.encode(encoding, "replace")[0] for char in text if char >= "\x80"]
    return sum(first <= lead <= last for lead in wide) > 0.95 * len(wide)


_READINGS: dict[str, Callable[[str], bool]] = {
    "cp1252": _west,
    "cp1250": _central,
    "iso8859-2": _central,
    "cp1251": _cyrillic,
    "koi8-u": _cyrillic,
    "cp866": _cyrillic,
    "iso8859-5": _cyrillic,
    "cp1253": _greek,
    "iso8859-7": _greek,
    "cp1255": _hebrew,
    "cp932": _japanese,
    "euc_jp": _japanese,
    "gb18030": _chinese,
    "cp950": _taiwanese,
    "cp949": _korean,
}
"""Encodings that undeclared sources are in, and what speaks for each. Those of DOS and old Macs are left out: their accents
are the signs of others."""
