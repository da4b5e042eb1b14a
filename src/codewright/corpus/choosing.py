"""Which documents stay: languages drawn down, budgets, repositories held out. Decided on facts about rows, never on their text."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from codewright.core.config import Share, strict
from codewright.core.errors import ConfigError
from codewright.core.rng import stable_hash
from codewright.corpus.exact import preference

KEPT, OVER_BUDGET, HELD_OUT, DOWNSAMPLED = 0, 1, 2, 3

Fates = NDArray[np.int8]


@strict
@dataclass(frozen=True)
class Target:
    """How much of a language stays: a ratio of its bytes, so many bytes, or so many tokens; one of the three."""

    ratio: Share | None = None
    bytes: Annotated[int, Field(gt=0)] | None = None
    tokens: Annotated[int, Field(gt=0)] | None = None

    def check(self) -> None:
        """Raise ConfigError unless one of the three is given."""
        if [self.ratio, self.bytes, self.tokens].count(None) != 2:
            raise ConfigError("downsample: give a language one of {ratio: x}, {bytes: n} and {tokens: n}")

    def of(self, total: int) -> int:
        """Return the target in bytes, or in tokens if it is given so, for a language that has `total` bytes."""
        return self.tokens or self.bytes or round((self.ratio or 0) * total)


@dataclass
class Rows:
    """What is known of each row of a dataset, column by column; sizes in bytes of UTF-8."""

    ids: list[str] = field(default_factory=list)
    repos: list[str] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    languages: list[str] = field(default_factory=list)
    stars: list[int] = field(default_factory=list)
    times: list[int | None] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    tokens: list[int] = field(default_factory=list)
    """Empty where nobody counted them."""

    def grouped(self, column: list[str], fates: Fates) -> dict[str, list[int]]:
        """Return the rows that are still kept by what one column says."""
        found: dict[str, list[int]] = {}
        for row, value in enumerate(column):
            if fates[row] == KEPT:
                found.setdefault(value, []).append(row)
        return found

    def size(self, rows: list[int]) -> int:
        """Add up the sizes of some rows."""
        return sum(self.sizes[row] for row in rows)


def downsample(
    rows: Rows, fates: Fates, targets: Mapping[str, Target], order: Literal["seeded", "best"], seed: int
) -> None:
    """Draw languages down to their targets: in an order drawn from seed and ids, or most stars and newest commit first.

    A file is taken while it fits, so small ones are not starved by one that does not. Raises ConfigError for a target in tokens
    where nobody counted them.
    """

    def drawn(row: int) -> tuple[int, str]:
        return stable_hash(seed, "downsample", rows.ids[row]), rows.paths[row]

    def best(row: int) -> tuple[int, int, str, str, str]:
        return preference({
            "stars": rows.stars[row], "committed_at": rows.times[row], "id": rows.ids[row],
            "repo": rows.repos[row], "path": rows.paths[row],
        })  # fmt: skip

    by_language = rows.grouped(rows.languages, fates)
    for language, target in targets.items():
        mine = by_language.get(language, [])
        room = target.of(rows.size(mine))
        if target.tokens and not rows.tokens:
            raise ConfigError(
                f"downsample: {language}: no tokens were counted; give corpus.build a tokenizer, or run corpus.tokens"
            )
        sizes = rows.tokens if target.tokens else rows.sizes
        for row in sorted(mine, key=drawn if order == "seeded" else best):
            if sizes[row] <= room:
                room -= sizes[row]
            else:
                fates[row] = DOWNSAMPLED


def fit(rows: Rows, fates: Fates, max_bytes: int | None, max_repo_bytes: int | None, seed: int) -> None:
    """Keep what fits into the budgets: repositories, and files within each, come in an order drawn from the seed."""
    if max_bytes is None and max_repo_bytes is None:
        return
    by_repo = rows.grouped(rows.repos, fates)
    room = max_bytes if max_bytes is not None else sum(rows.sizes)
    for repo in sorted(by_repo, key=lambda name: stable_hash(seed, "repo", name)):
        room_here = min(room, max_repo_bytes if max_repo_bytes is not None else room)
        files = {row: stable_hash(seed, "file", f"{repo}:{rows.paths[row]}") for row in by_repo[repo]}
        for row in sorted(files, key=files.__getitem__):
            if rows.sizes[row] <= room_here:
                room_here -= rows.sizes[row]
                room -= rows.sizes[row]
            else:
                fates[row] = OVER_BUDGET


def hold_out(rows: Rows, fates: Fates, share: float, seed: int) -> None:
    """Hold whole repositories out. Of what is still kept: a file that goes must not decide what is held out."""
    by_repo = rows.grouped(rows.repos, fates)
    sizes = {repo: size for repo, members in by_repo.items() if (size := rows.size(members))}
    for repo in choose_heldout(sizes, share, seed):
        fates[by_repo[repo]] = HELD_OUT


def choose_heldout(sizes: dict[str, int], fraction: float, seed: int) -> frozenset[str]:
    """Choose whole repositories to hold out, about `fraction` of the bytes; never all of them.

    sizes: bytes per repository. Those up to a quarter of the target come first, since several say more than one; then larger
    ones, but none that would more than double the target, so that one giant does not eat the corpus. Where only giants
    exist, the smallest is taken.
    """
    target = fraction * sum(sizes.values())
    if target <= 0 or len(sizes) < 2:
        return frozenset()
    chosen: set[str] = set()
    held = 0
    order = sorted(sizes, key=lambda name: stable_hash(seed, "heldout", name))
    for largest in (target / 4, 2 * target):
        for repo in order:
            if held >= target or len(chosen) + 1 == len(sizes):
                break
            if repo not in chosen and sizes[repo] <= largest and held + sizes[repo] <= 2 * target:
                chosen.add(repo)
                held += sizes[repo]
    return frozenset(chosen or {min(sizes, key=lambda name: (sizes[name], name))})
