"""tar and zip in all their kinds, and Debian's source packages: the same files come out of each."""

import hashlib
import tarfile
import zipfile
from pathlib import Path

import pytest
import zstandard

from codewright.corpus.members import Member, Options, Place
from codewright.corpus.readers import tar
from tests.corpus.ingested import PYTHON, Run, ingest, make_tar

FILES = {
    "pkg-1.2/LICENSE": b"MIT License\n\nPermission is hereby granted, free of charge, to any person ...",
    "pkg-1.2/src/pkg/core.py": PYTHON.encode(),
    "pkg-1.2/src/pkg/été.py": b"name = '\xc3\xa9t\xc3\xa9'\n",
    "pkg-1.2/" + "deep/" * 40 + "x" * 90 + ".py": b"x = 1\n",
    "pkg-1.2/logo.png": b"\x89PNG\r\n\x1a\n\0\0",
}
SOURCES = {name for name in FILES if name.endswith(".py")}


def plain_members(path: Path) -> dict[str, bytes]:
    options = Options(8_000_000, 10**9)
    (piece,) = tar.cut(Place(str(path), str(path), "pkg"), options)
    return {found.path: found.data for found in tar.members(piece, options) if isinstance(found, Member)}


@pytest.mark.parametrize("kind", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT, tarfile.USTAR_FORMAT])
@pytest.mark.parametrize("packing", ["", "gz", "xz", "bz2"])
def test_every_kind_of_tar_gives_what_tarfile_gives(tmp_path: Path, kind: int, packing: str) -> None:
    files = {name: data for name, data in FILES.items() if kind != tarfile.USTAR_FORMAT or len(name) < 200}
    path = make_tar(tmp_path / "pkg.tar", files, f"w:{packing}", format=kind)
    with tarfile.open(path) as archive:
        expected = {info.name: archive.extractfile(info).read() for info in archive if info.isfile()}  # type: ignore[union-attr]
    assert tar.fits(path, path.read_bytes())
    assert plain_members(path) == expected == files


def test_zstd_and_several_streams_in_one_file(tmp_path: Path) -> None:
    plain = make_tar(tmp_path / "pkg.tar", FILES).read_bytes()
    half = len(plain) // 2
    for name, pack in (
        ("zst", zstandard.compress),
        ("gz", __import__("gzip").compress),
        ("xz", __import__("lzma").compress),
    ):
        path = tmp_path / f"pkg.tar.{name}"
        path.write_bytes(pack(plain[:half]) + pack(plain[half:]))
        assert plain_members(path) == FILES, name


def test_an_old_tar_without_a_magic_and_a_file_over_8_gib_in_its_header(tmp_path: Path) -> None:
    block = bytearray(make_tar(tmp_path / "a.tar", {"a.py": b"x = 1\n"}).read_bytes())
    block[257:265] = b"\0" * 8
    block[124:136] = b"\x80" + (6).to_bytes(11, "big")
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block[:512])
    path = tmp_path / "old.tar"
    path.write_bytes(block)
    assert plain_members(path) == {"a.py": b"x = 1\n"}


def test_sdists_and_npm_packages_with_licence_and_provenance(run_stages: Run, tmp_path: Path) -> None:
    sdist = make_tar(tmp_path / "pkg-1.2.tar.gz", FILES, "w:gz")
    npm = make_tar(
        tmp_path / "left-pad-1.3.0.tgz",
        {"package/package.json": b'{"license": "ISC"}', "package/index.js": b"module.exports = 1;\n"},
        "w:gz",
    )
    found = ingest(run_stages, tmp_path / "run", sdist, npm)
    assert set(found.kept) >= SOURCES | {"package/index.js"}
    row = found.kept["pkg-1.2/src/pkg/core.py"]
    assert (row["repo"], row["language"], row["content"]) == ("pkg", "python", PYTHON)
    assert dict(row["meta"])["source"] == str(sdist)
    assert (found.kept["package/index.js"]["repo"], found.kept["package/index.js"]["license"]) == (
        "left-pad",
        "ISC",
    )
    assert found.dropped["pkg-1.2/logo.png"] == "binary"


@pytest.mark.parametrize(
    "packing", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
)
def test_zip_and_wheels(run_stages: Run, tmp_path: Path, packing: int) -> None:
    wheel = tmp_path / "pkg-1.2-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w", packing) as archive:
        archive.mkdir("pkg")
        for name, data in FILES.items():
            archive.writestr(name, data)
    found = ingest(run_stages, tmp_path / "run", wheel)
    assert set(found.kept) >= SOURCES
    assert len(found.rows) + len(found.dropped) == len(FILES)  # folders are no members
    assert found.kept["pkg-1.2/src/pkg/core.py"]["repo"] == "pkg"


def test_a_debian_source_package(run_stages: Run, tmp_path: Path) -> None:
    orig = make_tar(tmp_path / "tool_1.2.orig.tar.gz", {"tool-1.2/tool.py": PYTHON.encode()}, "w:gz")
    debian = make_tar(
        tmp_path / "tool_1.2-1.debian.tar.xz", {"debian/run.sh": b"#!/bin/sh\necho hi\n"}, "w:xz"
    )
    diff = tmp_path / "tool_1.2-1.diff.gz"
    diff.write_bytes(b"\x1f\x8b")
    lines = [
        f" {hashlib.sha256(p.read_bytes()).hexdigest()} {p.stat().st_size} {p.name}"
        for p in (orig, debian, diff)
    ]
    dsc = tmp_path / "tool_1.2-1.dsc"
    dsc.write_text("\n".join(["Format: 3.0 (quilt)", "Source: tool", "Checksums-Sha256:", *lines, ""]))
    found = ingest(run_stages, tmp_path / "run", dsc)
    assert {row["repo"] for row in found.rows} == {"debian/tool"}
    assert dict(found.kept["tool-1.2/tool.py"]["meta"])["source"] == str(orig)
    assert found.kept["debian/run.sh"]["language"] == "shell"
    assert list(found.dropped.values()) == ["not_a_tarball"]


def test_patterns_name_many_and_go_by_content_not_by_name(run_stages: Run, tmp_path: Path) -> None:
    make_tar(tmp_path / "d" / "one-1.0.zip", {"one.py": b"one = 1\n"}, "w:gz")  # a tar that says zip
    make_tar(tmp_path / "d" / "two-2.0.zip", {"two.py": b"two = 2\n"}, "w:xz")
    found = ingest(run_stages, tmp_path / "run", tmp_path / "d" / "*.zip")
    assert {row["repo"]: row["path"] for row in found.rows} == {"one": "one.py", "two": "two.py"}
