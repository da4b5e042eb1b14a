"""Make the corpus that benchmarks share: about 500 MB of source files from wheels, npm and Debian source packages.

    python benchmarks/make_corpus.py [--out DIR] [--limit-mb N]

Packages are fetched by name and version through pip, npm and apt-get, never built or run, and kept in the cache, so a
second call needs no network. Several come in two releases: real near-duplicates. Files are taken by extension, up to
8 MB, UTF-8 only; equal files once. Same names and versions, same bytes out: rows are sorted and hold no times.
The output is a dataset folder of documents (docs/formats.md), `repo` being registry/name-version.
"""

import argparse
import io
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from measuring import CACHE

from codewright.core.io import write_parquet
from codewright.core.manifest import Counts, Manifest, fingerprint, installed_versions, is_finished, part_name
from codewright.core.records import DOCUMENT_SCHEMA, Document, content_id, to_table

PYPI = [
    "aiohttp==3.11.11",
    "astroid==3.3.8",
    "black==24.10.0",
    "boto3==1.35.90",
    "celery==5.4.0",
    "dask==2024.12.1",
    "distributed==2024.12.1",
    "django==4.2.17",
    "django==5.1.4",
    "docutils==0.21.2",
    "fastapi==0.115.6",
    "flask==3.1.0",
    "gensim==4.3.3",
    "ipython==8.31.0",
    "jinja2==3.1.5",
    "keras==3.7.0",
    "matplotlib==3.10.0",
    "mypy==1.14.1",
    "networkx==3.4.2",
    "nltk==3.9.1",
    "numpy==2.2.1",
    "pandas==2.1.4",
    "pandas==2.2.3",
    "pip==24.3.1",
    "pydantic==2.10.4",
    "pygments==2.18.0",
    "pylint==3.3.3",
    "pytest==8.3.4",
    "requests==2.32.3",
    "scikit-learn==1.6.0",
    "scipy==1.15.0",
    "scrapy==2.12.0",
    "setuptools==75.6.0",
    "spacy==3.8.3",
    "sphinx==8.1.3",
    "sqlalchemy==1.4.54",
    "sqlalchemy==2.0.36",
    "statsmodels==0.14.4",
    "stripe==11.4.1",
    "sympy==1.12",
    "sympy==1.13.3",
    "tornado==6.4.2",
    "transformers==4.46.3",
    "transformers==4.47.1",
    "twilio==9.4.1",
    "twisted==24.11.0",
    "werkzeug==3.1.3",
    "xarray==2025.1.0",
]

NPM = [
    "@angular/core@19.0.5",
    "@babel/types@7.26.3",
    "@mui/material@6.2.1",
    "bootstrap@5.3.3",
    "chart.js@4.4.7",
    "codemirror@5.65.18",
    "core-js@3.38.1",
    "core-js@3.39.0",
    "d3@7.9.0",
    "date-fns@3.6.0",
    "date-fns@4.1.0",
    "ember-source@6.1.0",
    "eslint@8.57.1",
    "eslint@9.17.0",
    "ethers@6.13.4",
    "express@4.21.2",
    "firebase@11.1.0",
    "graphql@16.10.0",
    "highlight.js@11.11.0",
    "immutable@5.0.3",
    "jquery@3.7.1",
    "leaflet@1.9.4",
    "lodash-es@4.17.21",
    "lodash@4.17.21",
    "mathjs@14.0.1",
    "mocha@11.0.1",
    "moment@2.30.1",
    "prettier@3.4.2",
    "ramda@0.30.1",
    "react-dom@18.3.1",
    "react@18.3.1",
    "rollup@4.29.1",
    "rxjs@7.5.7",
    "rxjs@7.8.1",
    "svelte@5.15.0",
    "tailwindcss@3.4.17",
    "three@0.170.0",
    "three@0.171.0",
    "typeorm@0.3.20",
    "typescript@5.6.3",
    "typescript@5.7.2",
    "vue@3.5.13",
    "web3@4.16.0",
    "webpack@5.90.3",
    "webpack@5.97.1",
]

DEBIAN = [
    "bash=5.2.15-2",
    "coreutils=9.1-1",
    "git=1:2.39.5-0+deb12u3",
    "jq=1.6-2.1+deb12u2",
    "lua5.4=5.4.4-3+deb12u1",
    "nginx=1.22.1-9+deb12u9",
    "redis=5:7.0.15-1~deb12u7",
    "sqlite3=3.40.1-2+deb12u2",
    "tmux=3.3a-3",
]

LANGUAGES = {
    "bash": "sh bash", "c": "c h", "cpp": "cc cpp cxx hpp hh", "csharp": "cs", "css": "css scss", "go": "go", "java": "java",
    "javascript": "js mjs cjs jsx", "lua": "lua", "makefile": "mk", "perl": "pl pm", "php": "php", "powershell": "ps1",
    "python": "py pyi pyx pxd", "ruby": "rb", "rust": "rs", "svelte": "svelte", "tcl": "tcl", "typescript": "ts tsx mts cts",
    "vue": "vue",
}  # fmt: skip
"""Language -> extensions. Fixed here, so that the corpus does not change with the project's language detection."""

EXTENSIONS = {end: language for language, ends in LANGUAGES.items() for end in ends.split()}
MAX_FILE_BYTES = 8_000_000
PART_BYTES = 16_000_000


def fetch(cache: Path) -> list[tuple[str, Path]]:
    """Fetch what is not there yet; returns (repository name, folder with its archives) in order. Exits naming what cannot be had."""
    found: list[tuple[str, Path]] = []
    missing: list[str] = []
    for registry, pins in (("pypi", PYPI), ("npm", NPM), ("debian", DEBIAN)):
        for pin in pins:
            name = pin.replace("==", "-").replace("/", "-").replace("@", "-").strip("-")
            folder = cache / registry / name.replace("=", "-")
            if not (folder / "fetched").exists():
                folder.mkdir(parents=True, exist_ok=True)
                done = subprocess.run(
                    command(registry, pin, cache), cwd=folder, capture_output=True, text=True, check=False
                )
                if done.returncode:
                    missing.append(f"{pin}: {(done.stderr.strip().splitlines() or ['?'])[-1]}")
                    continue
                (folder / "fetched").touch()
            found.append((f"{registry}/{folder.name}", folder))
    if missing:
        # A corpus with holes would be another corpus under the same name.
        raise SystemExit("cannot be fetched:\n  " + "\n  ".join(missing))
    return sorted(found)


def command(registry: str, pin: str, cache: Path) -> list[str]:
    """Return what fetches one package into the current folder, unpacking nothing."""
    if registry == "pypi":
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
        return [*pip, "--no-deps", "--only-binary", ":all:", pin]
    if registry == "npm":
        return ["npm", "pack", "--silent", pin]
    return ["apt-get", *apt_options(cache), "source", "--download-only", pin]


def apt_options(cache: Path) -> list[str]:
    """Make apt-get look for sources where this machine gets its packages, without touching its own lists."""
    parts, lists = cache / "apt" / "parts", cache / "apt" / "lists"
    options = ["-o", "Dir::Etc::sourcelist=/dev/null", "-o", f"Dir::Etc::sourceparts={parts}"]
    options += ["-o", f"Dir::State::lists={lists}"]
    if not (cache / "apt" / "updated").exists():
        parts.mkdir(parents=True, exist_ok=True)
        lists.mkdir(exist_ok=True)
        for file in Path("/etc/apt/sources.list.d").glob("debian*.sources"):
            (parts / file.name).write_text(file.read_text().replace("Types: deb\n", "Types: deb-src\n"))
        subprocess.run(["apt-get", *options, "update", "--quiet"], check=True, stdout=subprocess.DEVNULL)
        (cache / "apt" / "updated").touch()
    return options


def members(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Yield (path, content) of the regular files of a package's archives that look like source."""
    for archive in sorted(folder.iterdir()):
        if archive.suffix == ".whl":
            with zipfile.ZipFile(archive) as wheel:
                for item in wheel.infolist():
                    if wanted(item.filename, item.file_size):
                        yield item.filename, wheel.read(item)
        elif archive.suffix == ".tgz" or ".tar." in archive.name:
            with tarfile.open(archive) as tar:
                for entry in tar:
                    if entry.isfile() and wanted(entry.name, entry.size):
                        yield entry.name, (tar.extractfile(entry) or io.BytesIO()).read()


def wanted(path: str, size: int) -> bool:
    """Tell whether a member is source of a size that is taken."""
    return PurePosixPath(path).suffix[1:].lower() in EXTENSIONS and 0 < size <= MAX_FILE_BYTES


def documents(packages: list[tuple[str, Path]]) -> Iterator[Document]:
    """Yield the files of all packages in order, equal ones once."""
    seen: set[str] = set()
    for repo, folder in packages:
        for path, data in sorted(members(folder)):
            id_ = content_id(data)
            try:
                content = data.decode("utf-8")
            except UnicodeDecodeError:
                continue
            if id_ not in seen and "\0" not in content:
                seen.add(id_)
                language = EXTENSIONS[PurePosixPath(path).suffix[1:].lower()]
                yield Document(id_, content, path, repo, language)


def make(out: Path, limit_bytes: int) -> None:
    """Write the dataset folder."""
    rows: list[Document] = []
    size = total = count = parts = 0
    for doc in documents(fetch(out.parent / "packages")):
        rows.append(doc)
        size += len(doc.content.encode())
        if size >= PART_BYTES:
            write_parquet(out / part_name(parts), to_table(rows, DOCUMENT_SCHEMA))
            parts, total, count = parts + 1, total + size, count + len(rows)
            rows, size = [], 0
            if total >= limit_bytes:
                break
    if rows:
        write_parquet(out / part_name(parts), to_table(rows, DOCUMENT_SCHEMA))
        total, count = total + size, count + len(rows)
    config = {"pypi": PYPI, "npm": NPM, "debian": DEBIAN, "limit_bytes": limit_bytes}
    mark = fingerprint("benchmark.corpus", config, 0, {})
    details = {"bytes_kept": total}
    counts = Counts(count, count)
    Manifest(
        "corpus.build", "corpus", config, mark, {}, counts, 0, None, 0.0, installed_versions(), details
    ).write(out)
    print(f"{count:,} files, {total / 1e6:.0f} MB, in {out}")


def main() -> None:
    """Make the corpus unless it is there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--out", type=Path, default=CACHE / "corpus")
    parser.add_argument("--limit-mb", type=int, default=10**6)
    options = parser.parse_args()
    if is_finished(options.out):
        print(f"already there: {options.out}")
    else:
        make(options.out, options.limit_mb * 1_000_000)


if __name__ == "__main__":
    main()
