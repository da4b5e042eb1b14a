"""Anchors, the short texts that every secret has in or beside it, and the automaton that finds them all in one pass.

Aho and Corasick, CACM 18(6), 1975; over bytes whose case is folded and whose digits are one.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray


class Check(IntEnum):
    """What must stand around an anchor before a detector looks at it."""

    EMAIL = 1
    """Before it an address may end, behind it is a name with a dot."""
    IPV4 = 2
    """Four numbers with dots, these being the first dot, the second number and its dot."""
    IPV6 = 3
    """Before the colon are four hexadecimal digits, the first 2 or 3 (global unicast, RFC 4291, section 2.4)."""
    URL = 4
    """Behind it are a colon and an @ before a slash, a blank or a quote."""
    NAME = 5
    """It is in a name to which something is assigned."""
    COMPOUND = 6
    """The same, and the name does not begin with it."""
    TOKEN = 7
    """So many characters of a token follow, and no letter or digit stands before it."""
    INSIDE = 8
    """So many characters of a token follow."""


@dataclass(frozen=True)
class Anchor:
    """A text in lower case (0 for any digit), what to check around it, and for tokens how many characters follow."""

    text: str
    check: Check
    run: int = 0


@dataclass(frozen=True)
class Automaton:
    """Tables of the pass: byte -> symbol, (state, symbol) -> state, state -> anchor that ends there or -1; and the anchors'."""

    symbols: NDArray[np.uint8]
    moves: NDArray[np.int16]
    ends: NDArray[np.int16]
    checks: NDArray[np.int16]
    runs: NDArray[np.int16]
    lengths: NDArray[np.int16]


def build_automaton(anchors: Sequence[Anchor]) -> Automaton:
    """Build the tables; where several anchors end in one place, the longest counts."""
    letters = sorted({byte for anchor in anchors for byte in anchor.text.encode()})
    number = {byte: at + 1 for at, byte in enumerate(letters)}
    children: list[dict[int, int]] = [{}]
    ends = [-1]
    for at, anchor in enumerate(anchors):
        state = 0
        for byte in anchor.text.encode():
            state = children[state].setdefault(number[byte], len(children))
            if state == len(children):
                children.append({})
                ends.append(-1)
        ends[state] = at
    moves = np.zeros((len(children), len(letters) + 1), np.int16)
    fails = [0] * len(children)
    queue = deque([0])
    while queue:
        state = queue.popleft()
        if ends[state] < 0:
            ends[state] = ends[fails[state]]
        for symbol in range(len(letters) + 1):
            child = children[state].get(symbol)
            fallback = int(moves[fails[state], symbol]) if state else 0
            moves[state, symbol] = fallback if child is None else child
            if child is not None:
                fails[child] = fallback
                queue.append(child)
    symbols = np.array([number.get(_fold(byte), 0) for byte in range(256)], np.uint8)
    columns = np.array([[anchor.check, anchor.run, len(anchor.text)] for anchor in anchors], np.int16)
    checks, runs, lengths = columns.T.copy()
    return Automaton(symbols, moves, np.array(ends, np.int16), checks, runs, lengths)


def _fold(byte: int) -> int:
    char = chr(byte)
    if not char.isascii():
        return byte
    return ord("0") if char.isdigit() else ord(char.lower())
