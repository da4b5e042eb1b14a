"""Characters that word processors and web pages put into code, put back; what stands in strings is left alone."""

import re

_BACKTICK_STRINGS = frozenset({"javascript", "typescript", "go"})
_TRIPLE_QUOTES = frozenset({"python", "julia", "kotlin", "scala", "swift", "java", "csharp"})
_DOUBLE, _SINGLE = "\u201c\u201d\u201e\u201f\u2033", "\u2018\u2019\u201a\u201b\u2032"
_INVISIBLE = "\u00ad\u200b\u200c\u200d\u2060\ufeff"
_SPACES = "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
_STRANGE = re.compile(f"[{_DOUBLE}{_SINGLE}{_INVISIBLE}{_SPACES}]")
_PLAIN = str.maketrans(
    {**dict.fromkeys(_DOUBLE, '"'), **dict.fromkeys(_SINGLE, "'"), **dict.fromkeys(_INVISIBLE, ""), **dict.fromkeys(_SPACES, " ")}
)  # fmt: skip

_ON_ONE_LINE = re.compile(
    r'"(?:[^"\\\n]|\\.)*"?'
    r"|'(?:[^'\\\n]|\\.)*'?"
    r"|(?P<double>[\u201c\u201e\u201f])(?P<inside>[^\u201c-\u201f\n]*)[\u201d\u201f]"
    r"|(?P<single>[\u2018\u201a\u201b])(?P<within>[^\u2018-\u201b'\n]*)\u2019"
)


def has_strange_characters(text: str) -> bool:
    """Tell whether there is anything to put back."""
    return _STRANGE.search(text) is not None


def with_plain_characters(text: str, language: str) -> str:
    """Replace curly quotes, odd spaces and invisible characters outside of strings. One pass."""
    parts: list[str] = []
    at = done = 0
    while at < len(text):
        stop, string = _string_at(text, at, language)
        if string is None:
            at = stop
            continue
        parts += [text[done:at].translate(_PLAIN), string]
        at = done = stop
    parts.append(text[done:].translate(_PLAIN))
    return "".join(parts)


_STARTS = re.compile("[\"'`\u201c\u201e\u201f\u2018\u201a\u201b]")


def _string_at(text: str, at: int, language: str) -> tuple[int, str | None]:
    """Return where to go on, and the string that begins here as it should be; None where none does."""
    if not _STARTS.match(text, at):
        following = _STARTS.search(text, at)
        return (following.start() if following else len(text)), None
    mark = text[at]
    if mark in "\"'" and language in _TRIPLE_QUOTES and text.startswith(mark * 3, at):
        return _up_to(text, mark * 3, at)
    if mark == "`":
        return _up_to(text, mark, at) if language in _BACKTICK_STRINGS else (at + 1, None)
    found = _ON_ONE_LINE.match(text, at)
    if found is None:
        return at + 1, None
    string = found.group()
    if found["double"] and '"' not in found["inside"]:
        string = f'"{found["inside"]}"'
    elif found["single"]:
        string = f"'{found['within']}'"
    return found.end(), string


def _up_to(text: str, mark: str, at: int) -> tuple[int, str]:
    """Take what stands between two marks as one string; without an end, all the rest."""
    stop = text.find(mark, at + len(mark))
    stop = stop + len(mark) if stop >= 0 else len(text)
    return stop, text[at:stop]
