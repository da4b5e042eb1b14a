"""A dataset folder and the manifest that says what it holds, how it was made, and that its counts add up.

part-*.parquet      the rows            dropped/      rows left out, each with its reason
heldout/part-*      held-out rows       quarantine/   rows that could not be read or crashed a rule
manifest.json       written last: a folder without one is unfinished
"""

import hashlib
import importlib.metadata
import json
import platform
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import pyarrow as pa

from codewright import __version__
from codewright.core.errors import ConfigError, DataError
from codewright.core.io import read_json, read_parquet, write_json

MANIFEST_NAME = "manifest.json"
WORK_FOLDER = ".work"
LOCK_NAME = ".lock"
"""Held by the process that writes into a folder; stays when it ends."""

_RECORDED_PACKAGES = ("numpy", "pyarrow", "tokenizers", "torch", "transformers")


@dataclass(frozen=True)
class Counts:
    """How many rows came in and where each went."""

    rows_in: int
    kept: int
    dropped: Mapping[str, int] = field(default_factory=dict)
    quarantined: int = 0

    def check(self, where: str) -> Self:
        """Return self. Raises AssertionError when in != kept + dropped + quarantined: a bug, never bad input."""
        out = self.kept + sum(self.dropped.values()) + self.quarantined
        if out != self.rows_in:
            raise AssertionError(
                f"{where}: counts do not add up: {self.rows_in} in, {out} accounted for ({self})"
            )
        return self

    def to_json(self) -> dict[str, Any]:
        """Return the manifest's form: {in, kept, dropped: {reason: n}, quarantined}."""
        dropped = {reason: number for reason, number in sorted(self.dropped.items()) if number}
        return {"in": self.rows_in, "kept": self.kept, "dropped": dropped, "quarantined": self.quarantined}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Read the manifest's form."""
        return cls(value["in"], value["kept"], dict(value["dropped"]), value["quarantined"])

    @classmethod
    def total(cls, parts: Iterable["Counts"]) -> Self:
        """Add up the counts of shards."""
        rows_in = kept = quarantined = 0
        dropped: Counter[str] = Counter()
        for part in parts:
            rows_in += part.rows_in
            kept += part.kept
            quarantined += part.quarantined
            dropped.update(part.dropped)
        return cls(rows_in, kept, dict(dropped), quarantined)


@dataclass(frozen=True)
class Manifest:
    """What a stage writes last into its folder.

    fingerprint: hash of stage, config, seed and the inputs' fingerprints; equal means "the same work".
    isolation: the sandbox level everything here was executed under, None where nothing was.
    details: stage-specific facts for the report (scores, curve files, rates); plain JSON.
    """

    stage: str
    id: str
    config: Mapping[str, Any]
    fingerprint: str
    inputs: Mapping[str, str]
    counts: Counts | None
    seed: int
    isolation: str | None
    seconds: float
    versions: Mapping[str, str]
    details: Mapping[str, Any] = field(default_factory=dict)

    def write(self, folder: Path) -> None:
        """Write `manifest.json` atomically; the folder is finished from then on."""
        value = asdict(self) | {"counts": self.counts.check(self.id).to_json() if self.counts else None}
        write_json(folder / MANIFEST_NAME, value)

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read a finished folder's manifest. Raises DataError when it is damaged, or another tool's."""
        value = read_json(folder / MANIFEST_NAME)
        try:
            value["counts"] = Counts.from_json(value["counts"]) if value["counts"] else None
            return cls(**value)
        except (KeyError, TypeError) as error:
            raise DataError(f"{folder / MANIFEST_NAME}: not a codewright manifest ({error})") from None


def is_finished(folder: Path) -> bool:
    """Tell whether a stage ended here."""
    return (folder / MANIFEST_NAME).is_file()


def fingerprint(stage: str, config: Mapping[str, Any], seed: int, inputs: Mapping[str, str]) -> str:
    """Hash what decides a stage's output: the same fingerprint promises the same rows."""
    text = json.dumps([stage, config, seed, inputs], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def installed_versions() -> dict[str, str]:
    """Return the versions that can change an output, of what is installed; imports nothing."""
    versions = {"codewright": __version__, "python": platform.python_version()}
    for name in _RECORDED_PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


class Dataset:
    """A finished dataset folder, read-only."""

    def __init__(self, folder: Path) -> None:
        """Open a folder. Raises ConfigError when no stage ended there."""
        self.folder = folder
        if not is_finished(folder):
            raise ConfigError(
                f"{folder}: no finished dataset here (no {MANIFEST_NAME}); run the stage that makes it"
            )

    @cached_property
    def manifest(self) -> Manifest:
        """The folder's manifest."""
        return Manifest.read(self.folder)

    def parts(self, split: str = "") -> list[Path]:
        """List the Parquet shards in order; split: a subfolder such as `heldout`, `dropped` or `quarantine`."""
        return sorted((self.folder / split).glob("part-*.parquet"))

    def rows(self, split: str = "", columns: list[str] | None = None) -> Iterator[dict[str, Any]]:
        """Yield rows as dicts, shard by shard. Raises DataError for a damaged shard."""
        for part in self.parts(split):
            yield from read_parquet(part, columns).to_pylist()

    def table(self, columns: list[str], split: str = "") -> pa.Table | None:
        """Read some columns of all shards at once; None when the split has no shards."""
        tables = [read_parquet(part, columns) for part in self.parts(split)]
        return pa.concat_tables(tables) if tables else None


def part_name(number: int) -> str:
    """Name shard `number`; the width keeps lexical order for up to 100,000 shards."""
    return f"part-{number:05d}.parquet"


def part_number(name: str) -> int:
    """Return the number that `part_name` made a name of."""
    return int(name.removeprefix("part-").removesuffix(".parquet"))
