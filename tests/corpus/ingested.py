"""Runs the ingest stage on sources and shows what became of every member; counts are checked each time."""

import tarfile
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from codewright.core.manifest import Dataset

Run = Callable[..., Any]

PYTHON = 'def total(values):\n    """Add the values up."""\n    return sum(values)\n'


@dataclass(frozen=True)
class Ingested:
    """What a run left: kept rows by path, reasons by member, dropped and quarantined alike."""

    dataset: Dataset
    rows: list[dict[str, Any]]
    dropped: dict[str, str]
    quarantined: dict[str, str]

    @property
    def kept(self) -> dict[str, dict[str, Any]]:
        return {row["path"]: row for row in self.rows}


def ingest(run_stages: Run, out: Path, *sources: object, workers: int = 1, **options: Any) -> Ingested:
    """Run the stage alone. Fails where the counts are not those of the rows, or something is left in the work folder."""
    stage = {"corpus.ingest": {"id": "ingest", "source": [str(source) for source in sources], **options}}
    run_stages([stage], out=out, workers=workers)
    return look_at(out / "ingest")


def look_at(folder: Path) -> Ingested:
    """Read a finished folder and check that its counts add up."""
    dataset = Dataset(folder)
    rows = list(dataset.rows())
    lost = {split: list(dataset.rows(split)) for split in ("dropped", "quarantine")}
    counts = dataset.manifest.counts
    assert counts is not None
    counts.check("ingest")
    assert counts.kept == len(rows)
    assert counts.dropped == Counter(row["reason"] for row in lost["dropped"])
    assert counts.quarantined == len(lost["quarantine"])
    dropped, quarantined = (
        {row["path"].rpartition(":")[2]: row["reason"] for row in lost[split]}
        for split in ("dropped", "quarantine")
    )
    return Ingested(dataset, rows, dropped, quarantined)


def make_tar(path: Path, files: Mapping[str, bytes], mode: str = "w", **options: Any) -> Path:
    """Write a tar archive of files; mode as `tarfile` has it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, mode, **options) as archive:  # type: ignore[call-overload]
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, BytesIO(data))
    return path
