"""What a card shows of single files: some that stay, some that left with the reason, and which were copied most."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from codewright.core.records import place_of
from codewright.core.rng import stable_hash

_ROWS_AT_A_TIME = 4096
_KEEPER = re.compile(r"(?:same bytes as|Jaccard [\d.]+ with|connected with) (.+?)(?:, not compared)?", re.S)
"""How `near/writing.py` names the file that stays."""

_FOLDERS = re.compile(r"(?:[^:/]*/)+(?=[^:/]+:)")
"""The folders that a source lies in, before its own name."""

_LINES, _CHARS = 12, 1200
"""Of a file's beginning."""

_EXAMPLES_OF_COPIES = 3


@dataclass(frozen=True)
class Example:
    """One file. text: its beginning, where the content is at hand; what is left out of it in lines."""

    place: str
    language: str = ""
    detail: str = ""
    text: str = ""
    more_lines: int = 0


@dataclass
class Cluster:
    """A file that stays and how many others left as copies of it."""

    keeper: str
    exact: int = 0
    near: int = 0
    copies: list[str] = field(default_factory=list)
    """The first few of their places."""

    @property
    def size(self) -> int:
        """Copies in all."""
        return self.exact + self.near


@dataclass(frozen=True)
class Reason:
    """Why files left at one stage, how many, and some of them."""

    stage: str
    name: str
    files: int
    examples: Sequence[Example]


def kept_examples(folder: Path, languages: Sequence[str], seed: int) -> list[Example]:
    """Draw one file of each language, by seed and id."""
    parts = sorted(folder.glob("part-*.parquet"))
    drawn: dict[str, tuple[int, int, int]] = {}
    for number, part in enumerate(parts):
        at = 0
        for batch in _batches(part, ["id", "language"]):
            for offset, (id_, language) in enumerate(zip(batch["id"], batch["language"], strict=True)):
                key = (stable_hash(seed, "card", id_), number, at + offset)
                if language in languages and (language not in drawn or key < drawn[language]):
                    drawn[language] = key
            at += len(batch["id"])
    found = []
    for language in languages:
        if language in drawn:
            _, number, row = drawn[language]
            found.append(_example(_row(parts[number], row)))
    return found


def _row(part: Path, wanted: int) -> dict[str, Any]:
    file = pq.ParquetFile(part)
    for batch in file.iter_batches(_ROWS_AT_A_TIME):
        if wanted < len(batch):
            row: dict[str, Any] = batch.slice(wanted, 1).to_pylist()[0]
            return row
        wanted -= len(batch)
    raise AssertionError(f"{part}: has fewer rows than were counted")


def _example(row: Mapping[str, Any]) -> Example:
    text, more = beginning(row["content"])
    return Example(shown_place(place_of(row)), row["language"], _facts(row), text, more)


def _facts(row: Mapping[str, Any]) -> str:
    stars = f"{row['stars']:,} stars" if row.get("stars") else ""
    tokens = f"{row['tokens']:,} tokens" if row.get("tokens") is not None else ""
    return ", ".join(filter(None, [row.get("license") or "", stars, tokens]))


def shown_place(place: str) -> str:
    """Leave out the folders that a source lies in: cards are for others, who have other folders."""
    return _FOLDERS.sub("", place, count=1) if _FOLDERS.match(place) else place


def shown_detail(detail: str) -> str:
    """Shorten the place that a reason names."""
    named = _KEEPER.fullmatch(detail)
    return detail.replace(named[1], shown_place(named[1])) if named else detail


def beginning(text: str) -> tuple[str, int]:
    """Return the first lines of a text and how many lines are left out."""
    lines = text.splitlines()
    shown = "\n".join(lines[:_LINES])[:_CHARS]
    return shown, max(0, len(lines) - len(shown.splitlines()))


def lost_reasons(folder: Path, seed: int, examples: int) -> list[Reason]:
    """Count what left by stage and reason, in the order of the folder's file names, with examples drawn by the seed."""
    counts: Counter[tuple[str, str]] = Counter()
    drawn: dict[tuple[str, str], list[tuple[int, str, Example]]] = defaultdict(list)
    for part in sorted(folder.glob("part-*.parquet")):
        stage = part.name.split("-")[1]
        for batch in _batches(part, ["reason", "detail", "path", "row"]):
            for reason, detail, path, row in zip(*batch.values(), strict=True):
                counts[stage, reason] += 1
                chosen = drawn[stage, reason]
                rank = -stable_hash(seed, "card", path)
                if len(chosen) < examples or (rank, path) > chosen[0][:2]:
                    item = (
                        rank,
                        path,
                        Example(shown_place(path), "", shown_detail(detail), *beginning(row or "")),
                    )
                    chosen.append(item)
                    chosen.sort(key=lambda one: one[:2])
                    del chosen[: len(chosen) - examples]
    return [
        Reason(stage, reason, files, [example for *_, example in sorted(drawn[stage, reason], reverse=True)])
        for (stage, reason), files in counts.most_common()
    ]


def largest_clusters(folder: Path, most: int) -> list[Cluster]:
    """Find the files with the most copies, from what `corpus.dedup` dropped."""
    sizes: Counter[str] = Counter()
    for _, keeper, _ in _copies(folder):
        sizes[keeper] += 1
    ranked = sorted(sizes.items(), key=lambda item: (-item[1], item[0]))[:most]
    found = {keeper: Cluster(shown_place(keeper)) for keeper, _ in ranked}
    for path, keeper, reason in _copies(folder):
        if cluster := found.get(keeper):
            if reason == "duplicate":
                cluster.exact += 1
            else:
                cluster.near += 1
            cluster.copies = sorted([*cluster.copies, shown_place(path)])[:_EXAMPLES_OF_COPIES]
    return list(found.values())


def _copies(folder: Path) -> Iterator[tuple[str, str, str]]:
    for part in sorted(folder.glob("part-dedup-*.parquet")):
        for batch in _batches(part, ["path", "detail", "reason"]):
            for path, detail, reason in zip(*batch.values(), strict=True):
                if named := _KEEPER.fullmatch(detail):
                    yield path, named[1], reason


def _batches(part: Path, columns: list[str]) -> Iterable[dict[str, list[Any]]]:
    for batch in pq.ParquetFile(part).iter_batches(_ROWS_AT_A_TIME, columns=columns):
        yield {name: batch.column(name).to_pylist() for name in columns}


def audited(folder: Path) -> list[tuple[str, str, int, int]]:
    """Count what transforms changed: kind, detector, how often, in how many documents."""
    hits: Counter[tuple[str, str]] = Counter()
    documents: dict[tuple[str, str], set[str]] = defaultdict(set)
    for part in sorted(folder.glob("part-*.parquet")):
        for batch in _batches(part, ["kind", "detector", "id"]):
            for kind, detector, id_ in zip(*batch.values(), strict=True):
                hits[kind, detector] += 1
                documents[kind, detector].add(id_)
    return [
        (kind, detector, number, len(documents[kind, detector]))
        for (kind, detector), number in hits.most_common()
    ]
