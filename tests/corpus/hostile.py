"""Hostile inputs, each made by a few lines of code: archives that lie, archives that explode, names that climb.

`INPUTS` maps what an input tries to the function that makes it below a folder and returns what to read.
"""

import gzip
import io
import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import zstandard

from tests.corpus.ingested import make_tar

Make = Callable[[Path], Path]
INPUTS: dict[str, tuple[Make, dict[str, int]]] = {}
"""What it tries -> (maker, how many rows of which reasons it ends as; `kept` among them)."""

GOOD = b"good = 1\n"

SOME = -1
"""A number of rows that depends on how far a bound lets an input come."""


def tries(what: str, **ends: int) -> Callable[[Make], Make]:
    """Register a maker under one line that says what its input tries, and where its members end."""

    def register(make: Make) -> Make:
        INPUTS[what] = (make, ends)
        return make

    return register


def put(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def tar_of(folder: Path, *infos: tarfile.TarInfo, data: bytes = b"", **options: object) -> Path:
    """A tar with one good file, then odd members as they are given."""
    path = folder / "a.tar"
    with tarfile.open(path, "w", **options) as archive:  # type: ignore[call-overload]
        for info in (member("good.py", len(GOOD)), *infos):
            archive.addfile(info, io.BytesIO(GOOD if info.name == "good.py" else data[: info.size]))
    return path


def member(name: str, size: int = 0, **fields: object) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size = size
    for field, value in fields.items():
        setattr(info, field, value)
    return info


def header(name: bytes = b"x.py", size: bytes = b"00000000000\0", kind: bytes = b"0") -> bytes:
    """A tar header with any bytes in it, under a right checksum."""
    block = bytearray(512)
    block[: len(name)] = name
    block[124:136] = size.ljust(12, b"\0")
    block[156:157] = kind
    block[257:265] = b"ustar\x0000"
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def good_header() -> bytes:
    return header(b"good.py", b"%011o\0" % len(GOOD)) + GOOD.ljust(512, b"\0")


for what, name in {
    "a tar member that climbs out with ../": "../../etc/cron.d/x.py",
    "a tar member that climbs in the middle of its path": "a/../../x.py",
    "a tar member with an absolute path": "/etc/cron.d/x.py",
    "a tar member with Windows separators": "..\\..\\x.py",
    "a tar member on a Windows drive": "C:/x.py",
    "a tar member with a line break in its name": "x\n.py",
    "a tar member with a terminal escape in its name": "x\x1b[2J.py",
    "a tar member whose name reads backwards": "x\u202eyp.exe",
    "a tar member with a name of 5,000 characters": "x/" * 2500 + "x.py",
}.items():
    tries(what, kept=1, unsafe_name=1)(lambda folder, name=name: tar_of(folder, member(name)))

for what, kind, reason in (
    ("a symbolic link to /etc/passwd", tarfile.SYMTYPE, "symlink"),
    ("a hard link to ../../etc/passwd", tarfile.LNKTYPE, "hard_link"),
    ("a character device", tarfile.CHRTYPE, "special_file"),
    ("a block device", tarfile.BLKTYPE, "special_file"),
    ("a FIFO that nobody writes to", tarfile.FIFOTYPE, "special_file"),
    ("a kind of member that no standard knows", b"Z", "special_file"),
):
    tries(f"a tar with {what}", kept=1, **{reason: 1})(
        lambda folder, kind=kind: tar_of(folder, member("x.py", type=kind, linkname="../../etc/passwd"))
    )


@tries("a tar member whose pax path holds a NUL", kept=1, unsafe_name=1)
def _(folder: Path) -> Path:
    return put(folder / "a.tar", good_header() + pax(b"path=x.py\0.png") + header() + b"\0" * 1024)


def pax(record: bytes, size: bytes | None = None) -> bytes:
    text = b" " + record + b"\n"
    length = len(text) + 2 if len(text) < 98 else len(text) + 3
    text = b"%d" % length + text
    return header(b"pax", size or b"%011o\0" % len(text), b"x") + text.ljust(512, b"\0")


@tries("a tar member whose name is not UTF-8", kept=1, unsafe_name=1)
def _(folder: Path) -> Path:
    return put(folder / "a.tar", good_header() + header(b"x\xff\xfe.py") + b"\0" * 1024)


@tries("two symbolic links in a circle", kept=1, symlink=2)
def _(folder: Path) -> Path:
    links = [member(a, type=tarfile.SYMTYPE, linkname=b) for a, b in (("a", "b"), ("b", "a"))]
    return tar_of(folder, *links)


@tries("one name twice, the second time with other content", kept=1, duplicate_member=2)
def _(folder: Path) -> Path:
    return tar_of(folder, member("./good.py", 4), member(".//good.py", 4), data=b"evil")


@tries("a sparse file of a terabyte in a kilobyte", kept=1, sparse_file=1)
def _(folder: Path) -> Path:
    sparse = header(b"x.py", b"00000000000\0", b"S")
    return put(folder / "a.tar", good_header() + sparse + b"\0" * 1024)


@tries("a pax header that asks for 8 GiB of memory", kept=1, damaged=1)
def _(folder: Path) -> Path:
    return put(folder / "a.tar", good_header() + header(b"pax", b"77777777777\0", b"x") + b"\0" * 1024)


@tries("a GNU long name of 8 GiB", kept=1, damaged=1)
def _(folder: Path) -> Path:
    return put(folder / "a.tar", good_header() + header(b"long", b"77777777777\0", b"L") + b"\0" * 1024)


@tries("a member of 8 EiB by its header", kept=1, cut_off=1)
def _(folder: Path) -> Path:
    return put(
        folder / "a.tar",
        good_header() + header(size=b"\x80" + b"\0" * 3 + b"\x7f" + b"\xff" * 7) + b"\0" * 1024,
    )


@tries("a size that is no number", kept=1, damaged=1)
def _(folder: Path) -> Path:
    return put(folder / "a.tar", good_header() + header(size=b"-1234567\0") + b"\0" * 1024)


@tries("a pax size with a million digits", kept=1, damaged=1)
def _(folder: Path) -> Path:
    return put(folder / "a.tar", good_header() + pax(b"size=" + b"9" * 90) + header() + b"\0" * 1024)


@tries("a header in the middle that is noise", kept=1, damaged=1)
def _(folder: Path) -> Path:
    return put(folder / "a.tar", good_header() + b"\x55" * 512 + good_header() + b"\0" * 1024)


@tries("a tar cut at a header, without its end mark", kept=1, cut_off=1)
def _(folder: Path) -> Path:
    return put(folder / "a.tar", good_header())


FILES = {
    "good.py": GOOD,
    "big.py": b"".join(b"value_%d = %d\n" % (n, n * n) for n in range(150_000)),
    "last.py": GOOD,
}


def cut_tar(mode: str) -> Make:
    def make(folder: Path) -> Path:
        path = make_tar(folder / "a.tar", FILES, mode)
        return put(path, path.read_bytes()[: -len(path.read_bytes()) // 2])

    return make


for mode in ("w", "w:gz", "w:xz"):
    tries(f"half a tar, written as {mode}", kept=1, cut_off=1)(cut_tar(mode))


@tries("half a tar.zst", kept=1, cut_off=1)
def _(folder: Path) -> Path:
    packed = zstandard.compress(make_tar(folder / "a.tar", FILES).read_bytes())
    return put(folder / "a.tar.zst", packed[: len(packed) // 2])


@tries("three quarters of a tar.bz2", cut_off=1, kept=3)
def _(folder: Path) -> Path:
    path = make_tar(folder / "a.tar", FILES | {"more.py": FILES["big.py"]}, "w:bz2")
    return put(path, path.read_bytes()[: len(path.read_bytes()) * 3 // 4])


@tries("a tar.gz whose bytes were changed in the middle", kept=1, damaged=1)
def _(folder: Path) -> Path:
    data = bytearray(make_tar(folder / "a.tar", FILES, "w:gz").read_bytes())
    data[-2000:-1900] = b"\xff" * 100
    return put(folder / "a.tar.gz", bytes(data))


def exploding(pack: Callable[[bytes], object], size: int) -> bytes:
    """A tar with a good file and one of zeros that is `size` long, packed piece by piece."""
    packer = pack(b"")
    out = [packer.compress(good_header() + header(b"zeros.py", b"\x80" + size.to_bytes(11, "big")))]  # type: ignore[attr-defined]
    zeros = b"\0" * 2**22
    out += [packer.compress(zeros) for _ in range(size // len(zeros))]  # type: ignore[attr-defined]
    return b"".join([*out, packer.flush()])  # type: ignore[attr-defined]


@tries("300 MB of zeros in a tar.gz of 300 kB", kept=1, bomb=1)
def _(folder: Path) -> Path:
    return put(folder / "a.tar.gz", exploding(lambda _: zlib.compressobj(1, zlib.DEFLATED, 31), 300 * 2**20))


@tries("4 GB of zeros in a tar.zst", kept=1, bomb=1)
def _(folder: Path) -> Path:
    return put(
        folder / "a.tar.zst", exploding(lambda _: zstandard.ZstdCompressor(1).compressobj(), 4 * 2**30)
    )


@tries("gzip within gzip within gzip", unknown_format=1)
def _(folder: Path) -> Path:
    return put(folder / "a.tar.gz", gzip.compress(gzip.compress(gzip.compress(b"\0" * 10**7))))


@tries("a .xz that asks for 2 GiB of memory", unknown_format=1)
def _(folder: Path) -> Path:
    data = bytearray(lzma.compress(make_tar(folder / "a.tar", FILES).read_bytes()))
    block = data[12 : 12 + 4 * (data[12] + 1)]
    block[block.index(b"\x21\x01") + 2] = (
        38  # the dictionary's size, as section 5.3.1 of the .xz format codes it
    )
    block[-4:] = struct.pack("<I", zlib.crc32(block[:-4]))
    data[12 : 12 + len(block)] = block
    return put(folder / "a.tar.xz", bytes(data))


@tries("a .zst whose window is 2 GiB", unknown_format=1)
def _(folder: Path) -> Path:
    frame = (
        b"\x28\xb5\x2f\xfd" + bytes([0x00, (31 - 10) << 3]) + struct.pack("<I", (8 << 3) | 3)[:3] + b"\0" * 8
    )
    return put(folder / "a.tar.zst", frame)


@tries("a tar of 100,000 empty files", kept=1, empty=100_000)
def _(folder: Path) -> Path:
    blocks = [header(b"f%06d.py" % number) for number in range(100_000)]
    return put(folder / "a.tar.gz", gzip.compress(good_header() + b"".join(blocks) + b"\0" * 1024, 1))


@tries("a tar of 2,000 licence files of 100 kB", kept=2001)
def _(folder: Path) -> Path:
    text = b"Permission to do nothing is granted.\n" * 2700
    files = {f"d{number}/LICENSE.txt": text for number in range(2000)}
    return make_tar(folder / "a.tar.xz", {"good.py": GOOD} | files, "w:xz", preset=0)


@tries("an archive in an archive in an archive", kept=1, nested_archive=1)
def _(folder: Path) -> Path:
    inner = make_tar(folder / "inner.tar", {"x.tar": make_tar(folder / "in.tar", FILES).read_bytes()})
    return make_tar(folder / "a.tar", {"good.py": GOOD, "inner.tar": inner.read_bytes()})


@tries("a zip that calls itself Python", kept=1, nested_archive=1)
def _(folder: Path) -> Path:
    return make_tar(
        folder / "a.tar", {"good.py": GOOD, "zip.py": zip_of(folder, {"x.py": GOOD}).read_bytes()}
    )


def zip_of(folder: Path, files: dict[str, bytes]) -> Path:
    path = folder / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    return path


def patched_zip(old: bytes, new: bytes, files: dict[str, bytes], count: int = -1) -> Make:
    return lambda folder: put(folder / "a.zip", zip_of(folder, files).read_bytes().replace(old, new, count))


TWO = {"good.py": GOOD, "x1234.py": b"x = 1\n" * 50}

for what, new in (
    ("a zip member that climbs out with ../", b"../4.py"),
    ("a zip member with an absolute path", b"/etc/.x"),
    ("a zip member with Windows separators", b"..\\4.py"),
    ("a zip member with a NUL in its name", b"x.py\0.p"),
):
    tries(what, kept=1, unsafe_name=1)(patched_zip(b"x1234.p", new, TWO))


@tries("a zip with an encrypted member", kept=1, encrypted=1)
def _(folder: Path) -> Path:
    data = bytearray(zip_of(folder, TWO).read_bytes())
    for magic, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.rindex(magic) + at] |= 1
    return put(folder / "a.zip", bytes(data))


@tries("a zip member of a compression nobody knows", kept=1, unsupported_compression=1)
def _(folder: Path) -> Path:
    data = bytearray(zip_of(folder, TWO).read_bytes())
    for magic, at in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        data[data.rindex(magic) + at] = 97
    return put(folder / "a.zip", bytes(data))


@tries("a zip member that unpacks to more than it says", kept=1, damaged=1)
def _(folder: Path) -> Path:
    data = bytearray(zip_of(folder, {"good.py": GOOD, "x.py": b"x = 1\n" * 10**6}).read_bytes())
    at = data.rindex(b"PK\x01\x02") + 24
    data[at : at + 4] = struct.pack("<I", 60)
    return put(folder / "a.zip", bytes(data))


@tries("a zip with a wrong checksum", kept=1, damaged=1)
def _(folder: Path) -> Path:
    data = bytearray(zip_of(folder, TWO).read_bytes())
    data[data.rindex(b"PK\x01\x02") + 16] ^= 1
    return put(folder / "a.zip", bytes(data))


@tries("a zip with a symbolic link", kept=1, symlink=1)
def _(folder: Path) -> Path:
    path = zip_of(folder, {"good.py": GOOD})
    with zipfile.ZipFile(path, "a") as archive:
        info = zipfile.ZipInfo("link.py")
        info.create_system, info.external_attr = 3, 0o120777 << 16
        archive.writestr(info, "/etc/passwd")
    return path


@tries("a zip with one name twice", kept=2, duplicate_member=1)
def _(folder: Path) -> Path:
    return patched_zip(b"x1234.py", b"good2.py", TWO | {"good2.py": GOOD})(folder)


@tries("a zip cut before its directory", damaged=1)
def _(folder: Path) -> Path:
    return put(folder / "a.zip", zip_of(folder, FILES).read_bytes()[:-200])


@tries("a zip whose directory claims 4 GiB", damaged=1)
def _(folder: Path) -> Path:
    data = bytearray(zip_of(folder, TWO).read_bytes())
    data[-10:-6] = b"\xfe\xff\xff\xff"
    return put(folder / "a.zip", bytes(data))


@tries("a zip with a directory of 900,000 members in one", damaged=1)
def _(folder: Path) -> Path:
    entry = (
        struct.pack("<4s4B4HL2L5H2L", b"PK\1\2", 20, 3, 20, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0)
        + b"x"
    )
    directory = entry * 900_000
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0xFFFE, 0xFFFE, len(directory), 4, 0)
    return put(folder / "a.zip", b"PK\3\4" + directory + end)


@tries("a zip of 45 members that each unpack to 7 MB from one and the same place", bomb=1)
def _(folder: Path) -> Path:
    zeros = {f"f{number:02d}.py": b"\0" for number in range(45)}
    data = bytearray(zip_of(folder, zeros).read_bytes())
    at = 0
    while (at := data.find(b"PK\x01\x02", at + 1)) > 0:
        data[at + 24 : at + 28] = struct.pack("<I", 7_000_000)
    return put(folder / "a.zip", bytes(data))
