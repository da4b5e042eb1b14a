"""The ingest stage: what decides its output, what it keeps by language, licence and kind, and its way back to the source."""

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from codewright.core.errors import ConfigError
from codewright.core.manifest import Dataset, is_finished
from codewright.core.rng import rng_for
from codewright.corpus.sources import repo_name
from tests.conftest import REPOSITORY
from tests.corpus.ingested import PYTHON, Run, ingest, look_at, make_tar

NOTEBOOK = {
    "cells": [
        {
            "cell_type": "code",
            "source": ["x = 41 + 1\n", "x"],
            "outputs": [{"text": "forty-two"}],
            "metadata": {},
        },
        {"cell_type": "markdown", "source": "Some prose.", "metadata": {}},
    ],
    "metadata": {"language_info": {"name": "python"}},
    "nbformat": 4,
    "nbformat_minor": 5,
}


@pytest.fixture
def sources(tmp_path: Path) -> list[Path]:
    """Archives, a folder, and members that leave for every kind of reason."""
    folder = tmp_path / "folder"
    for top in "abc":
        (folder / top).mkdir(parents=True)
        for number in range(12):
            (folder / top / f"m{number:02d}.py").write_text(f"{top}{number} = {number}\n" * 40)
    (folder / "a" / "data.bin").write_bytes(b"\0\1\2")
    many = {f"pkg/m{number:03d}.py": f"value = {number}\n".encode() * 60 for number in range(60)}
    odd = {
        "../out.py": b"x = 1\n",
        "pkg/empty.py": b"",
        "pkg/inner.zip": b"PK\3\4",
        "pkg/notes.xyzzy": b"hello\n",
    }
    archives = [
        make_tar(tmp_path / "one-1.0.tar.gz", many | odd, "w:gz"),
        make_tar(tmp_path / "two-1.0.tar.xz", {"two.py": PYTHON.encode()}, "w:xz"),
    ]
    return [archives[0], folder, archives[1]]


def test_neither_workers_nor_shards_decide_the_output(
    run_stages: Run, tmp_path: Path, sources: list[Path]
) -> None:
    base = ingest(run_stages, tmp_path / "base", *sources, workers=2)
    same = ingest(run_stages, tmp_path / "same", *sources)
    assert [part.read_bytes() for part in base.dataset.parts()] == [
        part.read_bytes() for part in same.dataset.parts()
    ]
    for number, shard_bytes in enumerate((1, 700, 9000)):
        other = ingest(run_stages, tmp_path / str(number), *sources, workers=2, shard_bytes=shard_bytes)
        assert len(other.dataset.parts()) > len(base.dataset.parts())
        assert other.rows == base.rows
        for split in ("dropped", "quarantine"):
            assert list(other.dataset.rows(split)) == list(base.dataset.rows(split))


def test_every_member_is_accounted_for(run_stages: Run, tmp_path: Path, sources: list[Path]) -> None:
    found = ingest(run_stages, tmp_path / "run", *sources)
    counts = found.dataset.manifest.counts
    assert counts is not None
    assert counts.to_json() == {
        "in": 64 + 37 + 1,
        "kept": 60 + 36 + 1,
        "dropped": {"binary": 1, "empty": 1, "nested_archive": 1, "unknown_language": 1},
        "quarantined": 1,
    }
    assert found.quarantined == {"../out.py": "unsafe_name"}
    assert found.dropped["pkg/inner.zip"] == "nested_archive"


def test_why_names_the_archive_and_the_member(
    run_stages: Run, tmp_path: Path, sources: list[Path], cli: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    found = ingest(run_stages, tmp_path / "run", *sources)
    row = found.kept["two.py"]
    told = cli("why", row["id"][:20], "--out", tmp_path / "run")
    assert told.returncode == 0, told.stderr
    assert f"document two.py of two, python, from {sources[2]}" in told.stdout


def test_notebooks_encodings_and_large_files(run_stages: Run, tmp_path: Path) -> None:
    files = {
        "n.ipynb": json.dumps(NOTEBOOK).encode(),
        "bad.ipynb": b"{",
        "bom.py": b"\xef\xbb\xbfx = 1\n",
        "latin.py": "# -*- coding: latin-1 -*-\nname = 'été'\n".encode("latin-1"),
        "large.py": b"x = 1\n" * 2000,
    }
    archive = make_tar(tmp_path / "a.tar", files)
    found = ingest(run_stages, tmp_path / "run", archive, max_file_bytes=9000)
    assert "x = 41 + 1" in found.kept["n.ipynb"]["content"]
    assert "forty-two" not in found.kept["n.ipynb"]["content"]
    assert found.kept["n.ipynb"]["language"] == "python"
    assert found.kept["bom.py"]["content"] == "x = 1\n"
    assert "été" in found.kept["latin.py"]["content"]
    assert dict(found.kept["latin.py"]["meta"])["encoding"] in {"cp1252", "iso8859-1"}
    assert found.dropped == {"large.py": "too_large"}
    assert found.quarantined == {"bad.ipynb": "broken_notebook"}
    without = ingest(run_stages, tmp_path / "without", archive, notebooks=False)
    assert without.dropped["n.ipynb"] == without.dropped["bad.ipynb"] == "notebook"


def test_kinds_are_left_out_as_asked(run_stages: Run, tmp_path: Path) -> None:
    files = {
        "pkg/vendor/lib.py": PYTHON.encode(),
        "pkg/min.js": b"a=1;" * 6000,
        "pkg/made.py": b"# Code generated by protoc. DO NOT EDIT.\nx = 1\n",
        "pkg/own.py": b"own = 1\n",
    }
    archive = make_tar(tmp_path / "a.tar", files)
    found = ingest(run_stages, tmp_path / "run", archive)
    assert found.dropped == {
        "pkg/vendor/lib.py": "vendored",
        "pkg/min.js": "minified",
        "pkg/made.py": "generated",
    }
    all_of_it = ingest(run_stages, tmp_path / "all", archive, leave_out=[])
    assert set(all_of_it.kept) == set(files)


def test_licences_by_file_tag_and_table_and_the_filter(run_stages: Run, tmp_path: Path) -> None:
    tagged = b"# SPDX-License-Identifier: GPL-3.0-only\nx = 1\n"
    one = make_tar(
        tmp_path / "one-1.tar",
        {"a/x.py": PYTHON.encode(), "a/tagged.py": tagged, "a/package.json": b'{"license": "MIT"}'},
    )
    two = make_tar(tmp_path / "two-1.tar", {"b/y.py": b"y = 1\n"})
    three = make_tar(tmp_path / "three-1.tar", {"c/z.py": b"z = 1\n"})
    table = tmp_path / "facts.csv"
    table.write_text("repo,stars,forks,license,pushed_at\ntwo,12,3,Apache-2.0,2020-01-02T00:00:00Z\nbad\n")
    options = {"repo_facts": [str(table)], "languages": ["python"]}
    found = ingest(run_stages, tmp_path / "run", one, two, three, **options)
    licenses = {path: row["license"] for path, row in found.kept.items()}
    assert licenses == {
        "a/x.py": "MIT",
        "a/tagged.py": "GPL-3.0-only",
        "b/y.py": "Apache-2.0",
        "c/z.py": None,
    }
    row = found.kept["b/y.py"]
    assert (row["stars"], row["committed_at"], dict(row["meta"])["forks"]) == (12, 1577923200, "3")
    assert found.dataset.manifest.details["documents_by_license"]["unknown"] == 1
    strict = ingest(
        run_stages, tmp_path / "strict", one, two, three, licenses=["mit", "apache-2.0"], **options
    )
    assert set(strict.kept) == {"a/x.py", "b/y.py"}
    assert strict.dropped["a/tagged.py"] == "other_license"
    assert strict.dropped["c/z.py"] == "unknown_license"
    loose = ingest(
        run_stages,
        tmp_path / "loose",
        one,
        two,
        three,
        licenses=["permissive"],
        unknown_license=True,
        **options,
    )
    assert set(loose.kept) == {"a/x.py", "b/y.py", "c/z.py"}


def test_a_licence_in_another_task_than_the_sources(run_stages: Run, tmp_path: Path) -> None:
    files = {f"pkg/m{number}.py": f"m = {number}\n".encode() * 30 for number in range(9)}
    folder = tmp_path / "folder"
    for name, data in (files | {"pkg/zz/package.json": b'{"license": "MIT"}'}).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    found = ingest(run_stages, tmp_path / "run", folder, shard_bytes=100, languages=["python"])
    assert {row["license"] for row in found.rows} == {"MIT"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"source": ["nowhere/*.whl"]}, "no file matches this pattern"),
        ({"source": ["nowhere"]}, "no such file or folder"),
        ({"languages": ["pyhton"]}, r"no language 'pyhton' \(did you mean 'python'\?\)"),
        ({"licenses": ["my own"]}, "'my own' is no SPDX id"),
        ({"repo_facts": ["nowhere.csv"]}, "nowhere.csv: no such file"),
        ({"leave_out": ["boring"]}, "leave_out"),
        ({"shard_bytes": 0}, "shard_bytes"),
    ],
)
def test_mistakes_are_one_line_before_any_work(
    run_stages: Run, tmp_path: Path, options: dict, message: str
) -> None:
    source = options.pop("source", ["stdlib"])
    with pytest.raises(ConfigError, match=message):
        ingest(run_stages, tmp_path / "run", *source, **options)
    assert not (tmp_path / "run" / "ingest" / ".work" / "plan.json").exists()


def test_an_archive_that_changed_is_other_work(run_stages: Run, tmp_path: Path) -> None:
    archive = make_tar(tmp_path / "a.tar", {"a.py": b"a = 1\n"})
    ingest(run_stages, tmp_path / "run", archive)
    make_tar(archive, {f"a{number}.py": b"a = 1\n" * 900 for number in range(9)})
    with pytest.raises(ConfigError, match="inputs that changed since"):
        ingest(run_stages, tmp_path / "run", archive)


@pytest.mark.parametrize(
    ("name", "repo"),
    [
        ("requests-2.31.0-py3-none-any.whl", "requests"),
        ("python-dateutil-2.8.2.tar.gz", "python-dateutil"),
        ("zlib_1.2.13.dfsg.orig.tar.xz", "zlib"),
        ("left-pad-1.3.0.tgz", "left-pad"),
        ("tools-main.zip", "tools-main"),
        ("tools.git", "tools"),
        ("part-00000.parquet", "part"),
        ("7zip", "7zip"),
    ],
)
def test_repositories_are_named_after_archives_without_version(name: str, repo: str) -> None:
    assert repo_name(Path(name)) == repo


def data_files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*.parquet"))}


@pytest.mark.slow
def test_killed_at_seeded_moments_it_ends_the_same(tmp_path: Path, sources: list[Path]) -> None:
    archives = [
        make_tar(
            tmp_path / "big" / f"big{number}-1.0.tar.gz",
            {f"p/{number}-{at}.py": f"value_{at} = {number}\n".encode() * 400 for at in range(500)}
            | {f"p/{number}-{at}.bin": b"\0" for at in range(200)},
            "w:gz",
        )
        for number in range(4)
    ]
    recipe = tmp_path / "recipe.yaml"
    stage = {"id": "ingest", "source": [str(path) for path in (*sources, *archives)], "shard_bytes": 300_000}
    recipe.write_text(
        json.dumps({"name": "kill", "seed": 1, "workers": 2, "stages": [{"corpus.ingest": stage}]})
    )

    def start(out: Path) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "codewright", "run", str(recipe), "--out", str(out), "--quiet"]
        return subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def files_below(out: Path) -> int:
        return sum(1 for path in (out / "ingest").rglob("*") if path.is_file()) if out.exists() else 0

    assert start(tmp_path / "whole").wait(timeout=300) == 0
    whole = data_files(tmp_path / "whole" / "ingest")
    look_at(tmp_path / "whole" / "ingest")
    out = tmp_path / "killed"
    rng = rng_for(2026, "ingest")
    # Moments are numbers of files that are there: spread over all passes, whatever the machine's speed.
    for most in sorted(rng.sample(range(1, 120), 8)):
        process = start(out)
        while process.poll() is None and files_below(out) < most:
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=60)
        if is_finished(out / "ingest"):
            shutil.rmtree(out)
    assert start(out).wait(timeout=300) == 0
    assert data_files(out / "ingest") == whole
    assert Dataset(out / "ingest").manifest.counts == Dataset(tmp_path / "whole" / "ingest").manifest.counts
