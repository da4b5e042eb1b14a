"""Bytes to text: UTF-8 nearly always, else by byte order mark, by declaration, by a careful guess, or not at all.

A guess that is not sure is refused: text in the wrong letters teaches a model nothing and nobody would notice.
"""

import codecs
import contextlib
import re
from dataclasses import dataclass

from codewright.core.errors import DataError
from codewright.corpus.encodings import guess

_MAGICS = {
    b"\x7fELF": "ELF",
    b"\x89PNG": "PNG",
    b"GIF87a": "GIF",
    b"GIF89a": "GIF",
    b"\xff\xd8\xff": "JPEG",
    b"%PDF-": "PDF",
    b"PK\x03\x04": "zip",
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"7z\xbc\xaf": "7z",
    b"Rar!": "rar",
    b"\xca\xfe\xba\xbe": "Java class or fat Mach-O",
    b"\xcf\xfa\xed\xfe": "Mach-O",
    b"\xce\xfa\xed\xfe": "Mach-O",
    b"!<arch>\n": "ar archive",
    b"wOFF": "font",
    b"wOF2": "font",
    b"OggS": "Ogg",
    b"ID3": "MP3",
    b"SQLite format 3": "SQLite",
}
"""How files begin that are never text. Source: the formats' specifications, as gathered in file(1)."""

_SAMPLE = 8192
"""Bytes at the beginning in which control characters and the pattern of NULs are counted."""

_CONTROLS = bytes({*range(0x20)} - {*b"\t\n\v\f\r\x1b"}) + b"\x7f"
"""C0 controls without blanks, page feeds and escapes, which old sources and terminal art hold."""

_MAX_CONTROLS = 0.005
"""Share of control characters above which a file is not text: ours; sources with raw controls hold a handful."""

_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark is the beginning of this one
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


class Undecodable(DataError):  # noqa: N818 - the word stands in quarantine rows
    """This is not text. reason: `binary`, `undecodable` or, of notebooks, `broken_notebook`; detail: one line for people."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True)
class Decoded:
    """A file's text without its byte order mark, newlines as they were, and Python's name of its encoding."""

    text: str
    encoding: str


def decode(data: bytes) -> Decoded:
    """Decode one file. Raises Undecodable with reason `binary` or `undecodable`; the text can be encoded as UTF-8."""
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return _strictly(data[len(mark) :], encoding)
    if b"\0" in data or data.startswith(b"%PDF-"):
        _refuse_magics(data)
        encoding = _wide(data)
        try:
            return _checked(data.decode(encoding), encoding)
        except (
            UnicodeDecodeError
        ):  # only guessed: tables of small numbers look the same (translations in .mo)
            raise Undecodable("binary", f"NUL byte at {data.index(0)}, and it is not {encoding}") from None
    if b"\x1b" in data and b"\x1b$" in data:  # Japanese in seven bits, which would pass for ASCII
        with contextlib.suppress(UnicodeDecodeError):
            return _checked(data.decode("iso2022_jp"), "iso2022_jp")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        _refuse_magics(data)
        return _legacy(data, error)
    _refuse_controls(data[:_SAMPLE])
    return Decoded(text.removeprefix("\ufeff"), "utf-8")


def _refuse_magics(data: bytes) -> None:
    for magic, name in _MAGICS.items():
        if data.startswith(magic):
            raise Undecodable("binary", f"begins like {name}")


def _refuse_controls(head: bytes) -> None:
    controls = len(head) - len(head.translate(None, _CONTROLS))
    if controls > max(2, _MAX_CONTROLS * len(head)):
        raise Undecodable("binary", f"{controls} control characters in the first {len(head)} bytes")


def _checked(text: str, encoding: str) -> Decoded:
    if "\0" in text:
        raise Undecodable("binary", "holds NUL characters")
    _refuse_controls(text[:_SAMPLE].encode("utf-8"))
    return Decoded(text.removeprefix("\ufeff"), encoding)


def _strictly(data: bytes, encoding: str) -> Decoded:
    try:
        return _checked(data.decode(encoding), encoding)
    except UnicodeDecodeError as error:
        raise Undecodable("undecodable", f"not {encoding} at byte {error.start}: {error.reason}") from None


def _wide(data: bytes) -> str:
    """Name the UTF-16 or UTF-32 without a mark that the places of the NULs speak for."""
    head = data[:_SAMPLE]
    nuls = [head[place::4].count(0) / max(1, len(head[place::4])) for place in range(4)]
    pattern = "".join("0" if share > 0.5 else "." if share < 0.1 else "?" for share in nuls)
    widths = {".000": "utf-32-le", "000.": "utf-32-be", ".0.0": "utf-16-le", "0.0.": "utf-16-be"}
    if pattern not in widths:
        raise Undecodable("binary", f"NUL byte at {data.index(0)}")
    return widths[pattern]


_DECLARED = re.compile(
    rb"""(?: coding[:=][ \t]*["']?                  # PEP 263, Emacs, Vim, Ruby
      | encoding=["']                              # XML
      | charset[= ]["']?                           # HTML, CSS, gettext
      | (?:scriptencoding|@documentencoding)[ ]    # Vim, Texinfo
    )([-\w.]+)""",
    re.VERBOSE | re.IGNORECASE,
)
_DECLARATION = 2048
"""Bytes in which a declaration may stand. Source: HTML looks at 1,024; gettext's header is longer."""

_PROMISED = {
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
}
"""What is declared -> what is meant: the larger set that includes it. Source: WHATWG Encoding Standard, names and labels."""

_TABLES = re.compile(r"(?:iso8859|cp\d|koi8|mac|euc|shift|gb|big5|johab|tis|kz|ptcp)")
"""Codecs that are tables of characters; Python has others under such names, such as unicode_escape and idna."""


def _legacy(data: bytes, error: UnicodeDecodeError) -> Decoded:
    """Decode what is not UTF-8, as it declares itself if that works, else as the guess says."""
    where = f"not UTF-8 at byte {error.start}"
    for found in _DECLARED.finditer(data, 0, _DECLARATION):
        try:
            name = codecs.lookup(found[1].decode("ascii")).name
            name = _PROMISED.get(name, name)
            if _TABLES.match(name):
                return _checked(data.decode(name), name)
        except (LookupError, ValueError):  # no such encoding, or not this one
            continue
    encoding = guess(data)
    if encoding is None:
        raise Undecodable("undecodable", f"{where}, and no other encoding is certain")
    return _strictly(data, encoding)
