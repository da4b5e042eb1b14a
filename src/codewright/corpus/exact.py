"""Exact deduplication: one copy per SHA-256, chosen by a total order so that nothing else can sway it."""

from collections.abc import Iterable, Mapping
from typing import Any


def choose_copies(rows: Iterable[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Choose the row to keep for each id: most stars, then newest commit, then smallest repository and path.

    rows: mappings with id, stars, committed_at (Unix seconds or None), repo, path.
    Source: OpenCoder, arXiv 2411.04905, section 2.1 (stars, then commit time); the rest of the order is ours.
    """
    best: dict[str, Mapping[str, Any]] = {}
    for row in rows:
        current = best.get(row["id"])
        if current is None or preference(row) < preference(current):
            best[row["id"]] = row
    return best


def preference(row: Mapping[str, Any]) -> tuple[int, int, str, str, str]:
    """Return the sort key of the order in which documents are preferred, best first; near duplicates follow it too."""
    return (-(row["stars"] or 0), -(row["committed_at"] or 0), row["id"], row["repo"], row["path"])
