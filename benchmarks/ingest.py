"""How fast is `corpus.ingest`, by container? MB/s of unpacked text per CPU second of the whole process tree.

    python benchmarks/ingest.py [--megabytes 300] [--workers 1]

The text is that of the installed packages and the standard library: every file whose name is one of a language, put into
each kind of container in turn. Counted is all of it: start-up, unpacking, decoding, language identification, licences,
kinds of files, Parquet. Yardstick in the same run: zlib at level 1, there and back, and SHA-256 of the same files.
"""

import argparse
import contextlib
import hashlib
import io
import shutil
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import yaml
import zstandard
from measuring import Cost, cpu_seconds, run_codewright

from codewright.core.languages import language_of
from codewright.core.manifest import Manifest
from codewright.corpus.listing import resolve_source, walk

Files = dict[str, bytes]


def gather(most_bytes: int) -> Files:
    """Read the installed source files, up to so many bytes."""
    files: Files = {}
    size = 0
    for spec in ("site-packages", "stdlib"):
        source = resolve_source(spec)
        for found in walk(source.root, source.leave_out):
            wanted = not found.trouble and 0 < found.size < 8_000_000 and language_of(found.path)
            if wanted and size < most_bytes:
                files[f"{source.prefix}/{found.path}"] = (source.root / found.path).read_bytes()
                size += found.size
    return files


def make_tar(path: Path, files: Files) -> None:
    """Write a tar, packed as the name says."""
    with contextlib.ExitStack() as stack:
        target = None
        if path.suffix == ".zst":
            target = stack.enter_context(zstandard.open(path, "wb"))
        mode: Any = "w|" if target else "w:gz" if path.suffix == ".gz" else "w"
        archive = stack.enter_context(tarfile.open(None if target else path, mode, fileobj=target))
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))


def make_zip(path: Path, files: Files) -> None:
    """Write a zip as wheels are."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)


def make_parquet(path: Path, files: Files) -> None:
    """Write The Stack's columns in row groups of a thousand."""
    rows = [
        {
            "content": data.decode("utf-8", "replace"),
            "max_stars_repo_path": name,
            "max_stars_repo_name": "x/y",
        }
        for name, data in files.items()
    ]
    pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=1000, compression="zstd")


def make_folder(path: Path, files: Files) -> None:
    """Write the files themselves."""
    for name, data in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(data)


CONTAINERS: dict[str, Callable[[Path, Files], None]] = {
    "a.tar": make_tar,
    "a.tar.gz": make_tar,
    "a.tar.zst": make_tar,
    "a.zip": make_zip,
    "a.parquet": make_parquet,
    "folder": make_folder,
}


def measure(source: Path, out: Path, workers: int) -> tuple[float, Cost]:
    """Return the megabytes of text read by one run, and its cost, start-up included."""
    stage = {"corpus.ingest": {"id": "ingest", "source": [str(source)]}}
    recipe = out.with_suffix(".yaml")
    recipe.write_text(yaml.safe_dump({"name": "bench", "workers": workers, "stages": [stage]}))
    cost = run_codewright("run", str(recipe), "--out", str(out), "--quiet")
    size = Manifest.read(out / "ingest").details["bytes_read"]
    shutil.rmtree(out)
    return size / 1e6, cost


def main() -> None:
    """Print one line a container."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=300)
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args()
    files = gather(options.megabytes * 10**6)
    size, started = sum(map(len, files.values())) / 1e6, cpu_seconds()
    for data in files.values():
        hashlib.sha256(zlib.decompress(zlib.compress(data, 1)))
    print(
        f"{len(files)} files, {size:.0f} MB; yardstick {size / (cpu_seconds() - started):.1f} MB/s per CPU-s"
    )
    with tempfile.TemporaryDirectory() as folder:
        for name, make in CONTAINERS.items():
            source = Path(folder) / name
            make(source, files)
            size, cost = measure(source, Path(folder) / "run", options.workers)
            rate, wall = size / cost.cpu_s, size / cost.wall_s
            print(f"{name:<10} {size:6.0f} MB  {rate:6.1f} MB/s per CPU-s  ({wall:.1f} MB/s wall)")


if __name__ == "__main__":
    main()
