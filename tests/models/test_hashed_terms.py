"""Which terms a text has, against the definition in plain Python."""

import math
import re
from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from codewright.models import hashed_terms
from codewright.models.hashed_terms import BUCKET_BITS, BUCKETS, count_terms

_GOLDEN = 0x9E3779B97F4A7C15


def terms_of(text: str) -> Counter[tuple[bytes, bool]]:
    """Return (term, whether it is a whole word) and how often."""
    found: Counter[tuple[bytes, bool]] = Counter()
    other = rb"[a-z\x80-\xff]"
    piece = re.compile(rb"[0-9]+|[A-Z]+(?![a-z\x80-\xff])|[A-Z]?" + other + rb"+|[A-Z]")
    for word in re.findall(rb"[A-Za-z0-9_\x80-\xff]+", text.encode("utf-8", "surrogatepass")):
        pieces = [one.lower() for one in piece.findall(word)]
        found.update((one, False) for one in pieces)
        if pieces != [word]:
            found[word, True] += 1
    return found


def bucket_of(term: bytes, whole: bool) -> int:
    value = 0xCBF29CE484222325
    for byte in term:
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return ((value ^ (_GOLDEN if whole else 0)) * _GOLDEN % 2**64) >> (64 - BUCKET_BITS)


def expected(text: str) -> dict[int, float]:
    buckets: Counter[int] = Counter()
    for (term, whole), count in terms_of(text).items():
        buckets[bucket_of(term, whole)] += count
    return {bucket: 1 + math.log(count) for bucket, count in sorted(buckets.items())}


def test_the_pieces_of_identifiers() -> None:
    assert set(terms_of("parseHTTPReply")) == {
        (b"parse", False), (b"http", False), (b"reply", False), (b"parseHTTPReply", True),
    }  # fmt: skip
    assert set(terms_of("_max_x1 value")) == {
        (b"max", False), (b"x", False), (b"1", False), (b"_max_x1", True), (b"value", False),
    }  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.lists(st.text(st.sampled_from("abAB12_ .é𝒳\n("), max_size=40), max_size=6))
def test_counts_are_those_of_the_definition(texts: list[str]) -> None:
    counts = count_terms(texts)
    assert len(counts) == len(texts)
    assert counts.width == BUCKETS
    for row, text in enumerate(texts):
        mine = slice(counts.starts[row], counts.starts[row + 1])
        wanted = expected(text)
        assert counts.columns[mine].tolist() == list(wanted)
        assert np.allclose(counts.values[mine], list(wanted.values()))


def test_texts_counted_one_by_one_are_the_same(monkeypatch) -> None:
    texts = ["getData(x)", "", "one two two\n" * 50, "é" * 9]
    together = count_terms(texts)
    monkeypatch.setattr(hashed_terms, "_CHUNK_BYTES", 1)
    apart = count_terms(texts)
    for name in ("starts", "columns", "values"):
        assert (getattr(together, name) == getattr(apart, name)).all()


def test_no_texts_and_lone_surrogates() -> None:
    assert count_terms([]).starts.tolist() == [0]
    assert len(count_terms(["\ud800"]).columns) == 1
