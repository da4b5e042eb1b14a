"""Edits: two rounds of them are one, and the audit's rows fit its schema."""

import itertools
import random

import pyarrow as pa
import pytest

from codewright.corpus.transforms import AUDIT_SCHEMA, Edit, audit_rows, transform
from codewright.corpus.transforms.edits import apply, combine


def some_edits(rng: random.Random, length: int) -> list[Edit]:
    at, edits = 0, []
    while at < length:
        low = at + rng.randrange(4)
        high = min(low + rng.randrange(1, 4), length)
        if low >= high:
            break
        edits.append(Edit("key", "x", low, high - low, rng.choice(["", "<A>", "longer than it was"])))
        at = high + rng.randrange(0, 5)
    return edits


@pytest.mark.parametrize("seed", range(10))
def test_two_rounds_combined_make_the_same_text(seed: int) -> None:
    for number in range(300):
        check_two_rounds(random.Random(1000 * seed + number))


def check_two_rounds(rng: random.Random) -> None:
    text = "".join(rng.choices("abcdefghij", k=rng.randrange(1, 30)))
    first = some_edits(rng, len(text))
    between = apply(text, first)
    second = some_edits(rng, len(between))
    combined = combine(first, second, between)
    assert apply(text, combined) == apply(between, second)
    assert all(a.end <= b.offset for a, b in itertools.pairwise(combined))


def test_audit_rows_fit_the_schema_and_hold_no_secret() -> None:
    text = "# Copyright 2020 W\nmail = 'ann.petrov@gmail.com'\n"
    rows = audit_rows("id1", "a/b.py", transform(text, "python").edits)
    table = pa.Table.from_pylist(rows, schema=AUDIT_SCHEMA)
    assert table.column("kind").to_pylist() == ["header", "email"]
    assert table.column("text").to_pylist() == ["# Copyright 2020 W\n", None]
    assert table.column("offset").to_pylist() == [0, 27]
    assert "ann.petrov" not in str(table.to_pylist())


def test_nothing_to_do_gives_the_text_itself() -> None:
    text = "x = 1\n"
    done = transform(text, "python")
    assert done.content is text
    assert done.edits == ()
