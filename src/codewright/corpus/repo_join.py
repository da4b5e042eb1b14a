"""What holds for whole repositories, joined to their documents: the licence their files grant, and facts the user brings.

A repository's licence file may lie in another task's piece, or behind the sources it speaks of, so licences are known
only when everything is read. A repository is known by its name within one source.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from codewright.core.io import read_parquet, write_parquet
from codewright.core.manifest import WORK_FOLDER, part_name
from codewright.corpus.decoding import Undecodable, decode
from codewright.corpus.kinds import vendored
from codewright.corpus.licenses import detect, is_license_file, is_metadata_file
from codewright.corpus.members import Member, Piece
from codewright.corpus.repo_facts import RepoFacts
from codewright.engine.engine import Shard

Unit = tuple[str, str]
"""A source as the user names it, and a repository in it."""

_MAX_TEXT_BYTES = 200_000
_MAX_FILES = 40
_DEEPEST = 3
"""What is held of a repository's licence files: more than any has, so that an archive of nothing else takes no memory."""

_TEXTS = pa.schema(
    [("place", pa.string()), ("repo", pa.string()), ("path", pa.string()), ("text", pa.large_string())]
)
_LICENSES = pa.schema([("place", pa.string()), ("repo", pa.string()), ("license", pa.string())])
_JOINED = pa.schema(
    [
        *_LICENSES,
        ("stars", pa.int64()),
        ("forks", pa.int64()),
        ("committed_at", pa.int64()),
        ("url", pa.string()),
    ]
)


class LicenseTexts:
    """Collects the files that say under which licence a repository is."""

    def __init__(self) -> None:
        self._texts: dict[Unit, dict[str, str]] = {}

    def look_at(self, member: Member, piece: Piece) -> None:
        """Keep the member's text if it is a licence or names one."""
        path = member.path
        if (
            not (is_license_file(path) or is_metadata_file(path))
            or path.count("/") > _DEEPEST
            or vendored(path)
        ):
            return
        repo = member.repo or piece.repo
        if piece.reader == "folder" and "/" not in path:
            repo = piece.repo  # beside all the repositories of a folder: holds for those that have none
        texts = self._texts.setdefault((piece.place, repo), {})
        if len(texts) >= _MAX_FILES:
            deepest = max(texts, key=lambda other: (other.count("/"), other))
            if deepest.count("/") <= path.count("/"):
                return
            del texts[deepest]
        try:
            texts[path] = decode(member.data[:_MAX_TEXT_BYTES]).text
        except Undecodable:
            return  # said of the member itself

    def write(self, path: Path) -> None:
        """Write what was collected."""
        rows = [
            {"place": place, "repo": repo, "path": path, "text": text}
            for (place, repo), texts in self._texts.items()
            for path, text in texts.items()
        ]
        write_parquet(path, pa.Table.from_pylist(rows, schema=_TEXTS))


def texts_path(out: Path, number: int) -> Path:
    """Say where a reading task leaves its licence texts."""
    return out / WORK_FOLDER / "texts" / part_name(number)


def units_path(out: Path, number: int) -> Path:
    """Say where a reading task leaves the repositories of its documents."""
    return out / WORK_FOLDER / "units" / part_name(number)


def license_shards(out: Path, tasks: int) -> list[Shard]:
    """Plan one task for the repositories that each reading task was the first to find a licence file of."""
    first: dict[Unit, int] = {}
    found_in: dict[Unit, list[int]] = {}
    for task in range(tasks):
        for unit in _units_of(texts_path(out, task)):
            first.setdefault(unit, task)
            found_in.setdefault(unit, []).append(task)
    shards: dict[int, dict[int, list[Unit]]] = {}
    for unit, task in first.items():
        for other in found_in[unit]:
            shards.setdefault(task, {}).setdefault(other, []).append(unit)
    return [
        Shard(
            part_name(task),
            str(out),
            (),
            {"units": {str(other): list(map(list, units)) for other, units in by.items()}},
        )
        for task, by in sorted(shards.items())
    ]


def _units_of(path: Path) -> list[Unit]:
    table = read_parquet(path, ["place", "repo"])
    pairs = zip(table.column("place").to_pylist(), table.column("repo").to_pylist(), strict=True)
    return list(dict.fromkeys(pairs))


def detect_licenses(shard: Shard) -> dict[str, Any]:
    """Name the licences of the shard's repositories from the texts that reading tasks left."""
    out = Path(shard.out)
    texts: dict[Unit, dict[str, str]] = {}
    for task, units in shard.params["units"].items():
        mine = {(place, repo) for place, repo in units}
        for row in read_parquet(texts_path(out, int(task))).to_pylist():
            unit = (row["place"], row["repo"])
            if unit in mine:
                texts.setdefault(unit, {})[row["path"]] = row["text"]
    rows = [
        {"place": place, "repo": repo, "license": detect(files)}
        for (place, repo), files in sorted(texts.items())
    ]
    write_parquet(out / WORK_FOLDER / "licenses" / shard.name, pa.Table.from_pylist(rows, schema=_LICENSES))
    return {"known": sum(row["license"] is not None for row in rows), "repositories": len(rows)}


def write_joined(out: Path, tasks: int, facts: Mapping[str, RepoFacts]) -> None:
    """Write, for each reading task, what is known of its documents' repositories."""
    known: dict[Unit, str] = {}
    for part in sorted((out / WORK_FOLDER / "licenses").glob("part-*.parquet")):
        for row in read_parquet(part).to_pylist():
            if row["license"]:
                known[row["place"], row["repo"]] = row["license"]
    for task in range(tasks):
        rows = [_joined(unit, known, facts) for unit in _units_of(units_path(out, task))]
        write_parquet(
            out / WORK_FOLDER / "joined" / part_name(task), pa.Table.from_pylist(rows, schema=_JOINED)
        )


def _joined(unit: Unit, known: Mapping[Unit, str], facts: Mapping[str, RepoFacts]) -> dict[str, Any]:
    place, repo = unit
    fact = facts.get(repo, RepoFacts())
    above = known.get((place, repo.partition("/")[0]))  # a licence beside all the repositories of a folder
    return {
        "place": place,
        "repo": repo,
        "license": known.get(unit) or above or fact.license,
        "stars": fact.stars,
        "forks": fact.forks,
        "committed_at": fact.committed_at,
        "url": fact.url,
    }


def read_joined(out: Path, task: int) -> dict[Unit, dict[str, Any]]:
    """Read what `write_joined` wrote for one reading task."""
    rows = read_parquet(out / WORK_FOLDER / "joined" / part_name(task)).to_pylist()
    return {(row["place"], row["repo"]): row for row in rows}
