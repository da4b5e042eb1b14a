"""Hostile inputs that are no archives: files that lie about what they are, tables, folders, repositories, packages."""

import json
import os
import socket
import subprocess
import tarfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from tests.corpus.hostile import FILES, GOOD, SOME, make_tar, put, tries, zip_of


@tries("a tar.gz that calls itself zip", kept=1)
def _(folder: Path) -> Path:
    return make_tar(folder / "a.zip", {"good.py": GOOD}, "w:gz")


@tries("a zip that calls itself tar.gz", kept=1)
def _(folder: Path) -> Path:
    return zip_of(folder, {"good.py": GOOD}).rename(folder / "a.tar.gz")


@tries("text that calls itself zip", unknown_format=1)
def _(folder: Path) -> Path:
    return put(folder / "a.zip", b"print('hello')\n")


@tries("noise that calls itself tar", unknown_format=1)
def _(folder: Path) -> Path:
    return put(folder / "a.tar", bytes(range(256)) * 40)


@tries("an empty file that calls itself tar.gz", unknown_format=1)
def _(folder: Path) -> Path:
    return put(folder / "a.tar.gz", b"")


@tries("a source that is a FIFO", special_file=1)
def _(folder: Path) -> Path:
    os.mkfifo(folder / "a.tar")
    return folder / "a.tar"


@tries("a folder with a FIFO, a socket, and links in a circle and out", kept=1, special_file=2, symlink=3)
def _(folder: Path) -> Path:
    root = folder / "root"
    root.mkdir()
    put(root / "good.py", GOOD)
    os.mkfifo(root / "fifo.py")
    for name, target in (("loop", root), ("passwd.py", "/etc/passwd"), ("self.py", root / "self.py")):
        (root / name).symlink_to(target)
    before = Path.cwd()
    os.chdir(root)  # a socket's path may have 107 characters only
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket.py")
    os.chdir(before)
    return root


@tries("a folder with names that are not UTF-8 and names of controls", kept=1, unsafe_name=2)
def _(folder: Path) -> Path:
    root = folder / "root"
    root.mkdir()
    for name in (b"good.py", b"bad\xff.py", b"bell\x07.py"):
        put(Path(os.fsdecode(os.fsencode(root) + b"/" + name)), GOOD)
    return root


@tries("a folder of 700 levels", kept=1, unsafe_name=1)
def _(folder: Path) -> Path:
    root = folder / "root"
    root.mkdir()
    put(root / "good.py", GOOD)
    deep = root
    for _level in range(7):
        deep = deep / ("d/" * 100)
        deep.mkdir(parents=True)
    put(deep / "x.py", GOOD)
    return root


@tries(
    "binary, NULs, broken UTF-8 and a notebook that is none",
    kept=1,
    binary=2,
    undecodable=1,
    broken_notebook=1,
)
def _(folder: Path) -> Path:
    root = folder / "root"
    root.mkdir()
    put(root / "good.py", GOOD)
    put(root / "elf.py", b"\x7fELF\2\1\1" + b"\0" * 100)
    put(root / "nul.py", b"x = 1\0\n" * 9)
    put(root / "broken.py", b"\xff\xfe\x00\xd8\x41")
    put(root / "deep.ipynb", b"[" * 200_000)
    return root


@tries("a line of 50 MB and one of 7 MB", kept=1, too_large=1, minified=1)
def _(folder: Path) -> Path:
    root = folder / "root"
    root.mkdir()
    put(root / "good.py", GOOD)
    put(root / "long.js", b"a=1;" * 12_500_000)
    put(root / "line.js", b"a=1;" * 1_750_000)
    return root


@tries(
    "JSON lines: 50 MB, no JSON, too deep, half a character, not an object",
    kept=1,
    line_too_long=1,
    not_json=3,
    undecodable=1,
)
def _(folder: Path) -> Path:
    good = json.dumps({"content": GOOD.decode(), "path": "good.py"}).encode()
    half = b'{"content": "\\ud800 = 1", "path": "half.py"}'
    huge = b'{"content": "' + b"x" * 50_000_000 + b'", "path": "huge.py"}'
    deep = b'{"content": ' + b"[" * 100_000
    return put(folder / "a.jsonl", b"\n".join([b'{"content": "x"', huge, half, deep, b"[1]", good]))


@tries(
    "JSON rows with paths that climb, contents that are none, facts of wrong types",
    kept=1,
    unsafe_name=1,
    wrong_type=3,
    no_content=2,
)
def _(folder: Path) -> Path:
    rows = [
        {"content": "x = 1\n", "path": "../../x.py"},
        {"content": 17, "path": "number.py"},
        {"content": None, "path": "none.py"},
        {"path": "without.py"},
        {"content": "x = 1\n", "path": ["x.py"]},
        {"content": "x = 1\n", "path": "stars.py", "stars": "many"},
        {"content": GOOD.decode(), "path": "good.py"},
    ]
    return put(folder / "a.jsonl", "\n".join(map(json.dumps, rows)).encode())


@tries("500 MB of JSON lines in a .zst of 60 kB", bomb=1, unknown_language=SOME)
def _(folder: Path) -> Path:
    packer = zstandard.ZstdCompressor().compressobj()
    line = b'{"content": "' + b"x" * 65_000 + b'", "path": "x.xyzzy"}\n'
    return put(
        folder / "a.jsonl.zst", b"".join([*(packer.compress(line) for _row in range(8000)), packer.flush()])
    )


def parquet(folder: Path, **columns: object) -> Path:
    pq.write_table(pa.table(columns), folder / "a.parquet")
    return folder / "a.parquet"


@tries("a Parquet whose content is numbers", wrong_type=1)
def _(folder: Path) -> Path:
    return parquet(folder, content=[1, 2, 3], path=["a.py", "b.py", "c.py"])


@tries("a Parquet without content", no_content=1)
def _(folder: Path) -> Path:
    return parquet(folder, blob_id=["a", "b"], path=["a.py", "b.py"])


@tries("a Parquet cut in the middle", damaged=1)
def _(folder: Path) -> Path:
    path = parquet(folder, content=[f"x = {number}\n" for number in range(9000)])
    return put(path, path.read_bytes()[:20_000])


@tries("a Parquet whose pages are noise", damaged=1)
def _(folder: Path) -> Path:
    path = parquet(folder, content=[f"x = {number}\n" for number in range(9000)], path=["x.py"] * 9000)
    data = bytearray(path.read_bytes())
    data[4:20_000] = b"\xa5" * 19_996
    return put(path, bytes(data))


@tries("a Parquet of 300,000 rows that all repeat one text of 4 MB", bomb=1, unknown_language=SOME)
def _(folder: Path) -> Path:
    text = pa.DictionaryArray.from_arrays(pa.array([0] * 300_000, pa.int32()), pa.array(["x" * 4_000_000]))
    return parquet(folder, content=text)


@tries("a Parquet whose paths have 2 MB each", wrong_type=1)
def _(folder: Path) -> Path:
    return parquet(folder, content=["x = 1\n"] * 100, path=["x" * 2_000_000] * 100)


@tries("a saved data set that lists ../../etc/passwd", unsafe_name=1)
def _(folder: Path) -> Path:
    put(folder / "data.arrow", b"")
    put(folder / "state.json", json.dumps({"_data_files": [{"filename": "../../etc/passwd"}]}).encode())
    return folder


@tries("a saved data set whose Arrow file is noise", damaged=1)
def _(folder: Path) -> Path:
    put(folder / "data.arrow", b"\xff\xff\xff\xff" + b"\x7f" * 5000)
    put(folder / "state.json", json.dumps({"_data_files": [{"filename": "data.arrow"}]}).encode())
    return folder


def dsc(folder: Path, digest: str, name: str) -> Path:
    text = f"Format: 3.0 (quilt)\nSource: tool\nChecksums-Sha256:\n {digest} 10 {name}\n"
    return put(folder / "tool.dsc", text.encode())


@tries("a .dsc that lists ../../etc/passwd", unsafe_name=1)
def _(folder: Path) -> Path:
    return dsc(folder, "0" * 64, "../../etc/passwd")


@tries("a .dsc that lists a file which is not there", missing_file=1)
def _(folder: Path) -> Path:
    return dsc(folder, "0" * 64, "tool_1.orig.tar.gz")


@tries("a .dsc with another tarball than it was signed for", wrong_checksum=1)
def _(folder: Path) -> Path:
    make_tar(folder / "tool_1.orig.tar.gz", FILES, "w:gz")
    return dsc(folder, "0" * 64, "tool_1.orig.tar.gz")


@tries("a git repository without commits, its HEAD a path", no_revision=1)
def _(folder: Path) -> Path:
    subprocess.run(["git", "init", "-q", str(folder / "r")], check=True)
    put(folder / "r" / ".git" / "HEAD", b"ref: ../../../../etc/passwd\n")
    return folder / "r"


@tries(
    "a git tree of 10 levels with 10 entries each, ten to the tenth files in 11 objects",
    too_many_members=1,
)
def _(folder: Path) -> Path:
    root = folder / "r"
    subprocess.run(["git", "init", "-q", str(root)], check=True)

    def git(*arguments: str, stdin: bytes = b"") -> str:
        who = {f"GIT_{role}_{what}": "x" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        done = subprocess.run(
            ["git", "-C", str(root), *arguments],
            input=stdin,
            capture_output=True,
            check=True,
            env={**os.environ, **who},
        )
        return done.stdout.decode().strip()

    blob, kind = git("hash-object", "-w", "--stdin", stdin=GOOD), "100644 blob"
    for _level in range(10):
        entries = "".join(f"{kind} {blob}\t{number}.py\n" for number in range(10))
        blob, kind = git("mktree", stdin=entries.encode()), "040000 tree"
    git("update-ref", "HEAD", git("commit-tree", blob, "-m", "x"))
    return root


@tries("a tar with a name that a git tree may not have", kept=1, unsafe_name=1)
def _(folder: Path) -> Path:
    return make_tar(folder / "a.tar", {"good.py": GOOD, "a/..": GOOD}, "w", format=tarfile.GNU_FORMAT)
