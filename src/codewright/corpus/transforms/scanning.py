"""The prefilter: one compiled pass over a text's bytes that says where a detector has to look.

Where an anchor ends, some bytes around it are looked at (`Check`), never more than `_REACH` on a side, so that text made to be
slow is not; of code, one place in some thousand bytes remains.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from codewright.core.compiling import compiled
from codewright.corpus.near.kernels import Bytes, Ints
from codewright.corpus.transforms.automaton import Automaton, Check

Shorts = NDArray[np.int16]

_REACH = 64
"""Bytes looked at on one side of an anchor: a mail's local part has 64 at most (RFC 5321, section 4.5.3.1.1)."""

_URL_REACH = 160
_HITS = 4096
"""Hits that one call of the kernel returns; the next one goes on from there."""

_EMAIL, _IPV4, _IPV6, _URL, _NAME, _COMPOUND, _TOKEN, _INSIDE = (int(check) for check in Check)

ALNUM, DIGIT, LOCAL, IN_TOKEN, HEX, IN_NAME, CLOSING, URL_END = (1 << at for at in range(8))
"""Bits of a byte's kind: what it may be part of."""


def _kinds_of_bytes() -> NDArray[np.uint8]:
    kinds = np.zeros(256, np.uint8)
    for number in range(256):
        char = chr(number)
        alnum = char.isascii() and char.isalnum()
        holds = {
            ALNUM: alnum,
            DIGIT: char.isascii() and char.isdigit(),
            LOCAL: alnum or char in "._%+-",
            IN_TOKEN: alnum or char in "_.-+/=~:",
            HEX: char in "0123456789abcdefABCDEF",
            IN_NAME: alnum or char in "_-",
            CLOSING: char in "\"'`)[]} \t\\?",
            URL_END: char in " \t\r\n\"'`<>/\\",
        }
        kinds[number] = sum(bit for bit, held in holds.items() if held)
    return kinds


_KINDS = _kinds_of_bytes()


class Hit(NamedTuple):
    """An anchor, by its number, and where it begins and ends."""

    anchor: int
    begin: int
    end: int


def find_hits(text: str, automaton: Automaton) -> Iterator[Hit]:
    """Yield the places of a text that a detector has to look at, in order; offsets are in characters."""
    # One byte a character, so that offsets are the same; what is not Latin-1 becomes a question mark, which ends every token.
    data = np.frombuffer(text.encode("latin-1", "replace"), np.uint8)
    places, numbers = np.empty(_HITS, np.int64), np.empty(_HITS, np.int16)
    tables = (
        automaton.symbols,
        automaton.moves,
        automaton.ends,
        automaton.checks,
        automaton.runs,
        automaton.lengths,
    )
    lengths = automaton.lengths.tolist()
    at = state = 0
    while at < len(data):
        count, at, state = _scan(data, at, state, *tables, _KINDS, places, numbers)
        for end, anchor in zip(places[:count].tolist(), numbers[:count].tolist(), strict=True):
            yield Hit(anchor, end - lengths[anchor], end)


@compiled
def _scan(  # noqa: PLR0917 - compiled functions take arrays by position
    data: Bytes, at: int, state: int, symbols: Bytes, moves: Shorts, ends: Shorts, checks: Shorts, runs: Shorts, lengths: Shorts, kinds: Bytes,
    places: Ints, numbers: Shorts,
) -> tuple[int, int, int]:  # fmt: skip
    """Run over the bytes from `at` in `state` until the end, or until there is no more room for hits."""
    count = 0
    total = len(data)
    while at < total:
        state = moves[state, symbols[data[at]]]
        at += 1
        anchor = ends[state]
        if anchor >= 0:
            check = checks[anchor]
            low = at - lengths[anchor]
            if check == _EMAIL:
                holds = _is_mail(data, at, kinds)
            elif check == _IPV4:
                holds = _is_quad(data, low, at, kinds)
            elif check == _IPV6:
                holds = _is_group(data, low, kinds)
            elif check == _URL:
                holds = _has_login(data, at, kinds)
            elif check >= _TOKEN:
                holds = _is_token(data, low, at, runs[anchor], check == _INSIDE, kinds)
            else:
                before = low > 0 and kinds[data[low - 1]] & IN_NAME != 0
                holds = (check == _NAME or before) and _is_assigned(data, low, at, kinds)
            if holds:
                places[count] = at
                numbers[count] = anchor
                count += 1
                if count == len(places):
                    break
    return count, at, state


@compiled
def _is_mail(data: Bytes, at: int, kinds: Bytes) -> bool:
    """Tell whether a local part ends before the @ and a name with a dot, a letter behind it, follows."""
    if at < 2 or at >= len(data):
        return False
    before = data[at - 2]
    if before == 92 and at > 2:  # a backslash, as in Perl's strings
        before = data[at - 3]
    if not kinds[before] & LOCAL or not kinds[data[at]] & ALNUM:
        return False
    for i in range(at, min(len(data) - 1, at + _REACH)):
        if data[i] == 46 and kinds[data[i + 1]] & (ALNUM | DIGIT) == ALNUM:
            return True
        if not kinds[data[i]] & ALNUM and data[i] != 45 and data[i] != 46:
            return False
    return False


@compiled
def _is_quad(data: Bytes, low: int, at: int, kinds: Bytes) -> bool:
    """Tell whether one to three digits stand before the first dot, and behind the second two such numbers."""
    i = low
    while i > 0 and low - i < 4 and kinds[data[i - 1]] & DIGIT:
        i -= 1
    if (
        i == low
        or low - i > 3
        or (i > 0 and (kinds[data[i - 1]] & ALNUM or data[i - 1] == 46 or data[i - 1] == 95))
    ):
        return False
    i = at
    for number in range(2):
        first = i
        while i < len(data) and i - first < 4 and kinds[data[i]] & DIGIT:
            i += 1
        if i == first or i - first > 3:
            return False
        if number == 0:
            if i >= len(data) or data[i] != 46:
                return False
            i += 1
    return i >= len(data) or not (kinds[data[i]] & ALNUM or data[i] == 95)


@compiled
def _is_group(data: Bytes, low: int, kinds: Bytes) -> bool:
    """Tell whether the first group of a global address ends here."""
    if low < 4 or (data[low - 4] != 50 and data[low - 4] != 51):
        return False
    for i in range(low - 3, low):
        if not kinds[data[i]] & HEX:
            return False
    return low == 4 or not (kinds[data[low - 5]] & IN_NAME or data[low - 5] == 58 or data[low - 5] == 46)


@compiled
def _has_login(data: Bytes, at: int, kinds: Bytes) -> bool:
    """Tell whether user, colon, password and @ follow."""
    colon = False
    for i in range(at, min(len(data), at + _URL_REACH)):
        if data[i] == 64:
            return colon
        if data[i] == 58:
            colon = True
        elif kinds[data[i]] & URL_END:
            return False
    return False


@compiled
def _is_token(  # noqa: PLR0917 - compiled functions take arrays by position
    data: Bytes, low: int, at: int, run: int, inside: bool, kinds: Bytes
) -> bool:
    """Tell whether the anchor begins a word, if it has to, and is followed by enough of a token."""
    if at + run > len(data) or (not inside and low > 0 and kinds[data[low - 1]] & ALNUM):
        return False
    for i in range(at, at + run):  # noqa: SIM110 - a generator would not compile
        if not kinds[data[i]] & IN_TOKEN:
            return False
    return True


@compiled
def _is_assigned(data: Bytes, low: int, at: int, kinds: Bytes) -> bool:
    """Tell whether the name goes on, ends, and something that assigns follows, or a quoted or dashed value."""
    i = at
    stop = min(len(data), at + _REACH)
    while i < stop and kinds[data[i]] & IN_NAME:
        i += 1
    blank = i < stop and data[i] == 32
    while i < stop and kinds[data[i]] & CLOSING:
        i += 1
    if i >= stop:
        return False
    if data[i] == 61 or data[i] == 58 or data[i] == 44 or data[i] == 40 or data[i] == 62:  # = : , ( >
        return True
    if data[i] == 33 or data[i] == 60 or data[i] == 45:  # != <- ->
        return i + 1 < len(data) and (data[i + 1] == 61 or data[i + 1] == 45 or data[i + 1] == 62)
    if blank and kinds[data[i - 1]] & CLOSING and data[i - 1] != 32:  # PASSWORD 'x'
        return True
    for j in range(max(0, low - 2), low):  # --password x; --db-password x has its dashes in the name
        if data[j] == 45:
            return blank
    return bool(data[i] == 118 and data[i - 1] == 32)  # name="password" value="x"
