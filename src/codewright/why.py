"""`codewright why ID` or `why PATH`: a row's way back to its source file and forward to where it was used or dropped."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from codewright.core.errors import ConfigError
from codewright.core.io import read_parquet
from codewright.core.manifest import Dataset, is_finished
from codewright.core.records import place_of
from codewright.core.text import one_line
from codewright.runner import RUN_FILE, recorded_ids

MIN_PREFIX = 4
MOST_FILES = 5
"""Files of one name that are told of together."""
_LOST = frozenset({"dropped", "quarantine"})
_SPLITS = {"": "", "heldout": "held out", "dropped": "dropped", "quarantine": "quarantined"}


def trace(prefix: str, out: Path) -> list[str]:
    """Return the lines that tell a row's story, in the order of the stages.

    prefix: the id of a document, instruction row or problem, or at least its first four characters; or a file's path, whole or its end,
    with or without what it was read from (`lib-1.0.whl:lib/a.py`), for what was dropped before it had an id, too.
    Raises: ConfigError when `out` is no run, or the id is unknown, too short or not unique.
    """
    if len(prefix) < MIN_PREFIX:
        raise ConfigError(f"why {prefix}: give at least {MIN_PREFIX} characters of the id")
    stages = _stages(out)
    ids = sorted({row["id"] for folder in stages for _, row in _find(folder, prefix, exact=False)})
    if not ids:
        return _story_of_path(prefix, stages, out)
    if len(ids) > 1:
        raise ConfigError(
            f"why {prefix}: {len(ids)} rows begin so, e.g. {ids[0][:16]} and {ids[1][:16]}; give more of it"
        )
    return _story(ids[0], stages, out, depth=0, seen=set())


def _story_of_path(path: str, stages: list[Path], out: Path) -> list[str]:
    """Tell of the files whose path this is, or ends so."""
    found: dict[str, dict[str, Any]] = {}
    for folder in stages:
        for split, row in _at(folder, path):
            place = _place(split, row)
            story = row["id"] or f"{folder.name}: {_describe(split, row)}"
            found.setdefault(place, {})[story] = row["id"]
    if not found:
        raise ConfigError(
            f"why {path}: no row with this id, and no file with this path, in {out}; ids stand in the `id` column of its datasets"
        )
    if len(found) > MOST_FILES:
        first, second, *_ = sorted(found)
        raise ConfigError(
            f"why {path}: {len(found)} files end so, e.g. {first} and {second}; give more of it"
        )
    lines: list[str] = []
    seen: set[str] = set()
    for place, stories in sorted(found.items()):
        lines.append(place)
        for story, id_ in stories.items():
            if not id_:
                lines.append(f"  {story}")
            elif id_ not in seen:
                lines.extend(_story(id_, stages, out, depth=1, seen=seen))
    return lines


def _at(folder: Path, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (split, row) of documents and lost rows whose place is, or ends with, a path."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    dataset = Dataset(folder)
    for split in _SPLITS:
        tail = path if split in _LOST else path.rpartition(":")[2]
        for part in dataset.parts(split):
            names = pq.read_schema(part).names
            if "path" not in names or (split not in _LOST and "repo" not in names):
                continue
            mask = pc.ends_with(read_parquet(part, ["path"]).column("path"), tail)
            if not pc.any(mask).as_py():
                continue
            for row in read_parquet(part).filter(mask).to_pylist():
                place = _place(split, row)
                if place == path or place.endswith((f"/{path}", f":{path}")):
                    yield split, row


def _place(split: str, row: dict[str, Any]) -> str:
    return str(row["path"]) if split in _LOST else place_of(row)


def _stages(out: Path) -> list[Path]:
    if not (out / RUN_FILE).is_file():
        if is_finished(out):  # one stage that was run by itself
            return [out]
        raise ConfigError(f"--out {out}: no codewright run here")
    return [out / id_ for id_ in recorded_ids(out) if is_finished(out / id_)]


def _story(id_: str, stages: list[Path], out: Path, depth: int, seen: set[str]) -> list[str]:
    seen.add(id_)
    pad = "  " * depth
    lines = [f"{pad}row {id_}"]
    origins: dict[str, str] = {}
    for folder in stages:
        for split, row in _find(folder, id_, exact=True):
            lines.append(f"{pad}  {folder.name}: {_describe(split, row)}")
            for seed in (row.get("origin") or {}).get("seeds") or []:
                origins[seed] = row["origin"]["place"] or ""
    for seed, place in origins.items():
        where = f" ({place})" if place else ""
        lines.append(f"{pad}  made from {seed}{where}")
        if seed not in seen and any(True for folder in stages for _ in _find(folder, seed, exact=True)):
            lines.extend(_story(seed, stages, out, depth + 1, seen))
    return lines


def _find(folder: Path, id_: str, *, exact: bool) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (split, row) for every row of a stage whose id is, or begins with, `id_`."""
    dataset = Dataset(folder)
    for split in _SPLITS:
        for part in dataset.parts(split):
            yield from ((split, row) for row in _rows_with(part, id_, exact))
    if (folder / "rows.parquet").is_file():  # what a training stage consumed
        yield from (("trained", row) for row in _rows_with(folder / "rows.parquet", id_, exact))


def _rows_with(part: Path, id_: str, exact: bool) -> list[dict[str, Any]]:
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    if "id" not in pq.read_schema(part).names:
        return []
    ids = read_parquet(part, ["id"]).column("id")
    mask = pc.equal(ids, id_) if exact else pc.starts_with(ids, id_)
    if not pc.any(mask).as_py():
        return []
    return list(read_parquet(part).filter(mask).to_pylist())


def _describe(split: str, row: dict[str, Any]) -> str:
    if split == "trained":
        return f"trained on ({row['tokens']} tokens)"
    if split in {"dropped", "quarantine"}:
        path = f", {row['path']}" if row["path"] else ""
        detail = f" ({one_line(row['detail'], 120)})" if row["detail"] else ""
        # Equal rows have equal ids: what was dropped as a duplicate is a copy of a row that stays.
        copy = "a copy " if row["reason"] == "duplicate" else ""
        return f"{copy}{_SPLITS[split]}: {row['reason']}{detail}{path}"
    if "repo" in row:
        held = ", held out" if split == "heldout" else ""
        license_ = f", licence {row['license']}" if row["license"] else ""
        url = f", {row['url']}" if row["url"] else ""
        meta = dict(row.get("meta") or {})
        # The archive, repository, folder or table that it was read from, and the row of a table.
        source = f", from {meta['source']}" if "source" in meta else ""
        source += f" row {meta['row']}" if "row" in meta else ""
        return f"document {row['path']} of {row['repo']}, {row['language']}{license_}{url}{source}{held}"
    if "messages" in row:
        verdict = row["verdict"]
        tested = f"tests {verdict['status']} ({verdict['isolation']})" if verdict else "no tests"
        return f"kept: {row['method']} row, {row['task']}, {row['form']} form, {tested}"
    return "kept"
