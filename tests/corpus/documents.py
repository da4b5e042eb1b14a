"""Corpora made up for tests: families of files that differ by a known share of their words, as finished datasets."""

import random
import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path

from codewright.core.io import write_parquet
from codewright.core.manifest import Counts, Manifest, part_name
from codewright.core.records import DOCUMENT_SCHEMA, Document, content_id, to_table

WORDS = re.compile(rb"[A-Za-z0-9_\x80-\xff]+")


def make_document(content: str, path: str, repo: str = "r/one", **facts: int) -> Document:
    return Document(content_id(content), content, path, repo, "python", **facts)


def make_text(rng: random.Random, words: int) -> str:
    return " ".join(f"w{rng.randrange(10**9)}" for _ in range(words))


def edited(text: str, rng: random.Random, edits: int) -> str:
    """Replace some words; each costs five shingles at most."""
    words = text.split()
    for at in rng.sample(range(len(words)), edits):
        words[at] = f"e{rng.randrange(10**9)}"
    return " ".join(words)


def families(seed: int, count: int, variants: int = 4) -> list[Document]:
    """Files of 60 to 400 words, each with variants from nearly equal to unlike, in shuffled order."""
    rng = random.Random(seed)
    found = []
    for family in range(count):
        text = make_text(rng, rng.randrange(60, 400))
        for variant in range(variants):
            content = edited(text, rng, rng.randrange(0, 9) * variant // 2)
            repo, stars = f"r/{rng.randrange(12):02d}", rng.randrange(4)
            found.append(make_document(content, f"f{family}/v{variant}.py", repo, stars=stars))
    unique = list({one.id: one for one in found}.values())
    rng.shuffle(unique)
    return unique


def write_corpus(
    folder: Path, documents: Sequence[Document], parts: int = 3, heldout: Sequence[Document] = ()
) -> Path:
    """Write a finished dataset, its rows cut into so many parts."""
    for split, rows in (("", documents), ("heldout", heldout)):
        cuts = [round(len(rows) * cut / parts) for cut in range(parts + 1)]
        for number, (low, high) in enumerate(pairwise(cuts)):
            if high > low:
                write_parquet(folder / split / part_name(number), to_table(rows[low:high], DOCUMENT_SCHEMA))
    count = len(documents) + len(heldout)
    mark = content_id(*sorted(one.id for one in [*documents, *heldout]))
    Manifest("corpus.build", "corpus", {}, mark, {}, Counts(count, count), 0, None, 0.0, {}).write(folder)
    return folder


def shingle_set(content: str, ngram: int = 5) -> set[tuple[bytes, ...]]:
    words = WORDS.findall(content.encode())
    size = min(ngram, len(words))
    return {tuple(words[at : at + size]) for at in range(len(words) - size + 1)} if words else set()


def jaccard(left: Iterable[object], right: Iterable[object]) -> float:
    a, b = set(left), set(right)
    return len(a & b) / len(a | b) if a | b else 0.0
