"""Tables: Parquet, JSON Lines and Arrow, with the columns of the published data sets, our own, or the user's."""

import gzip
import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from codewright.core.errors import ConfigError
from codewright.core.records import content_id
from tests.corpus.ingested import PYTHON, Run, ingest, make_tar

STACK_V1 = {
    "content": PYTHON, "max_stars_repo_name": "ada/tools", "max_stars_repo_path": "lib/total.py", "max_stars_count": 7.0,
    "max_stars_repo_licenses": ["Apache-2.0", "MIT"], "lang": "Python", "hexsha": "ab12", "size": 70,
}  # fmt: skip
STACK_V2 = {
    "content": PYTHON, "blob_id": "cd34", "repo_name": "ada/tools", "path": "/lib/total.py"[1:], "star_events_count": 7,
    "detected_licenses": ["Apache-2.0", "MIT"], "committer_date": datetime(2020, 1, 2), "language": "Python",
}  # fmt: skip
STARCODER = {
    "content": "<reponame>ada/tools<gh_stars>1-10\n" + PYTHON, "max_stars_repo_name": "ada/tools", "max_stars_repo_path":
    "lib/total.py", "max_stars_count": 7, "id": "12",
}  # fmt: skip


def write_jsonl(path: Path, rows: list[Any]) -> Path:
    text = "".join(json.dumps(row, default=str) + "\n" for row in rows).encode()
    pack = {".gz": gzip.compress, ".zst": zstandard.compress}.get(path.suffix, bytes)
    path.write_bytes(pack(text))
    return path


@pytest.mark.parametrize("row", [STACK_V1, STACK_V2, STARCODER], ids=["v1", "v2", "starcoder"])
@pytest.mark.parametrize("ending", ["parquet", "jsonl", "jsonl.gz", "jsonl.zst"])
def test_published_columns(run_stages: Run, tmp_path: Path, row: Mapping[str, Any], ending: str) -> None:
    path = tmp_path / f"data.{ending}"
    if ending == "parquet":
        pq.write_table(pa.Table.from_pylist([dict(row)]), path)
    else:
        write_jsonl(path, [row])
    found = ingest(run_stages, tmp_path / "run", path).kept["lib/total.py"]
    assert (found["content"], found["id"]) == (PYTHON, content_id(PYTHON))
    assert (found["repo"], found["stars"], found["language"]) == ("ada/tools", 7, "python")
    assert dict(found["meta"])["source"] == str(path)
    assert found["license"] == (None if row is STARCODER else "Apache-2.0 AND MIT")
    assert found["committed_at"] == (1577923200 if row is STACK_V2 else None)
    assert dict(found["meta"]).get("blob_id") == {"v1": "ab12", "v2": "cd34"}.get(
        "v1" if row is STACK_V1 else "v2" if row is STACK_V2 else ""
    )


def test_the_stack_v2_without_contents_says_so(run_stages: Run, tmp_path: Path) -> None:
    row = {name: value for name, value in STACK_V2.items() if name != "content"}
    pq.write_table(pa.Table.from_pylist([row]), tmp_path / "ids.parquet")
    with pytest.raises(ConfigError, match="no document kept of 1 files"):
        ingest(run_stages, tmp_path / "run", tmp_path / "ids.parquet")
    good = write_jsonl(tmp_path / "good.jsonl", [STACK_V1])
    found = ingest(run_stages, tmp_path / "two", tmp_path / "ids.parquet", good)
    (lost,) = found.dataset.rows("quarantine")
    assert lost["reason"] == "no_content"
    assert "fetch the files by their blob_id" in lost["detail"]


def test_columns_by_name(run_stages: Run, tmp_path: Path) -> None:
    path = write_jsonl(
        tmp_path / "own.jsonl", [{"body": PYTHON, "file": "a.py", "project": "p", "text": "no"}]
    )
    columns = {"content": "body", "path": "file", "repo": "project"}
    found = ingest(run_stages, tmp_path / "run", path, columns=columns)
    assert (found.kept["a.py"]["content"], found.kept["a.py"]["repo"]) == (PYTHON, "p")
    with pytest.raises(ConfigError, match=r"columns: no column 'contents' \(did you mean 'content'\?\)"):
        ingest(run_stages, tmp_path / "two", path, columns={"contents": "body"})


def test_our_own_datasets_keep_where_they_first_came_from(run_stages: Run, tmp_path: Path) -> None:
    archive = make_tar(
        tmp_path / "pkg-1.0.tar.gz", {"pkg/a.py": PYTHON.encode(), "pkg/b.py": b"b = 1\n"}, "w:gz"
    )
    first = ingest(run_stages, tmp_path / "one", archive)
    second = ingest(run_stages, tmp_path / "two", tmp_path / "one" / "ingest")
    assert second.rows == first.rows


def test_row_groups_are_cut_into_tasks_and_put_together_in_order(run_stages: Run, tmp_path: Path) -> None:
    rows = [
        {"content": f"value_{number} = {number}\n" * 50, "path": f"f{number}.py"} for number in range(500)
    ]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "many.parquet", row_group_size=20)
    one = ingest(run_stages, tmp_path / "one", tmp_path / "many.parquet")
    many = ingest(run_stages, tmp_path / "many", tmp_path / "many.parquet", shard_bytes=30_000, workers=2)
    assert len(many.dataset.parts()) > 5 > len(one.dataset.parts())
    assert many.rows == one.rows
    assert [dict(row["meta"])["row"] for row in one.rows] == [str(number) for number in range(500)]


@pytest.mark.parametrize("splits", [(), ("train", "test")])
def test_a_data_set_that_the_datasets_library_saved(
    run_stages: Run, tmp_path: Path, splits: tuple[str, ...]
) -> None:
    root = tmp_path / "saved"
    for split in splits or ("",):
        folder = root / split
        folder.mkdir(parents=True)
        table = pa.Table.from_pylist([STACK_V1 | {"max_stars_repo_path": f"{split or 'all'}.py"}])
        with pa.ipc.new_stream(folder / "data-00000-of-00001.arrow", table.schema) as writer:
            writer.write_table(table)
        (folder / "state.json").write_text(
            json.dumps({"_data_files": [{"filename": "data-00000-of-00001.arrow"}]})
        )
    if splits:
        (root / "dataset_dict.json").write_text(json.dumps({"splits": list(splits)}))
    found = ingest(run_stages, tmp_path / "run", root)
    assert set(found.kept) == {f"{split or 'all'}.py" for split in splits or ("",)}
    assert all(dict(row["meta"])["source"].endswith(".arrow") for row in found.rows)
