"""Which of equal or similar files stays: a total order, so that nothing else can sway it."""

from collections.abc import Mapping
from typing import Any


def preference(row: Mapping[str, Any]) -> tuple[int, int, str, str, str]:
    """Return the sort key of the order in which documents are preferred, best first.

    row: id, stars, committed_at (Unix seconds or None), repo, path. Most stars, then newest commit, then smallest id,
    repository and path. Source: OpenCoder, arXiv 2411.04905, section 2.1 (stars, then commit time); the rest is ours.
    """
    return (-(row["stars"] or 0), -(row["committed_at"] or 0), row["id"], row["repo"], row["path"])
