"""How often is a file's language named right, and how fast? A sample whose languages are known by the package.

    python benchmarks/identification.py [--wrong N]

Downloads Debian packages (`apt-get source`, `apt-get download`) and npm packages (`npm pack`) once, into the cache's
folder `benchmarks/identification`. A label is a fact about the package, never of the file: the manifest says "the `.pl`
files of gprolog are Prolog". Where a package mixes languages under one extension, a folder narrows it down.
Prints accuracy overall and for extensions that languages share, the files named wrong, and MB/s per CPU second.
"""

import argparse
import io
import os
import re
import subprocess
import sys
import tarfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from codewright.core.cache import cache_root
from codewright.core.io import write_text
from codewright.core.languages import identify
from codewright.core.languages.facts import load_facts
from codewright.core.rng import stable_hash

FOLDER = cache_root() / "benchmarks" / "identification"

PER_PACKAGE = 60
"""Files of one extension of one package at most, so that no package decides the figure."""

MAX_BYTES = 400_000
"""Larger members are tables and amalgamations; they would only slow the sample down."""

_ARCHIVE = re.compile(r"\.(?:deb|tgz|orig\.tar\.\w+)$")

SOURCE, BINARY, NPM = "source", "binary", "npm"

MANIFEST: list[tuple[str, str, dict[str, str], str]] = [
    # kind, package, extension -> language, only members whose path holds this
    (SOURCE, "abseil", {".h": "cpp", ".inc": "cpp", ".cc": "cpp"}, ""),
    (SOURCE, "angelscript", {".as": "angelscript"}, ""),
    (SOURCE, "bison", {".l": "lex", ".y": "yacc", ".yy": "yacc", ".c": "c"}, ""),
    (SOURCE, "bwbasic", {".bas": "basic"}, ""),
    (BINARY, "cl-aserve", {".cl": "common lisp"}, ""),
    (SOURCE, "cl-portable-aserve", {".cl": "common lisp", ".lisp": "common lisp"}, ""),
    (SOURCE, "coq-stdpp", {".v": "rocq prover"}, ""),
    (BINARY, "libcoq-mathcomp-ssreflect", {".v": "rocq prover"}, ""),
    (SOURCE, "elixir-lang", {".ex": "elixir", ".exs": "elixir"}, ""),
    (SOURCE, "flex", {".l": "lex"}, ""),
    (SOURCE, "freeplane", {".mm": "xml", ".properties": "java properties", ".java": "java"}, ""),
    (SOURCE, "gcl", {".lsp": "common lisp"}, ""),
    (SOURCE, "gforth", {".fs": "forth"}, ""),
    (SOURCE, "glmark2", {".frag": "glsl", ".vert": "glsl"}, ""),
    (SOURCE, "glpk", {".mod": "ampl", ".h": "c", ".mps": "mathematical programming system"}, ""),
    (SOURCE, "gmp", {".asm": "assembly"}, "/mpn/x86"),
    (SOURCE, "gnustep-base", {".m": "objective-c"}, "/Source/"),
    (SOURCE, "gnustep-base", {".h": "objective-c"}, "/Headers/Foundation/"),
    (SOURCE, "gprolog", {".pl": "prolog"}, ""),
    (SOURCE, "groff", {".pl": "perl", ".man": "roff manpage"}, ""),
    (BINARY, "hyphy-common", {".bf": "hyphy"}, ""),
    (SOURCE, "irrlicht", {".h": "cpp", ".x": "directx 3d file"}, "/include/"),
    (SOURCE, "jansson", {".h": "c", ".c": "c"}, ""),
    (SOURCE, "jasmin-sable", {".j": "jasmin"}, ""),
    (SOURCE, "keepass2", {".cs": "csharp"}, ""),
    (SOURCE, "leveldb", {".h": "cpp"}, ""),
    (SOURCE, "libdbi-perl", {".t": "perl", ".pm": "perl", ".pl": "perl"}, ""),
    (SOURCE, "libevent", {".h": "c"}, ""),
    (SOURCE, "libimage-exiftool-perl", {".t": "perl", ".pm": "perl", ".pl": "perl", ".pod": "pod"}, ""),
    (SOURCE, "libjsoncpp", {".h": "cpp"}, ""),
    (SOURCE, "libmojolicious-perl", {".t": "perl", ".pm": "perl", ".pl": "perl"}, ""),
    (SOURCE, "libmoose-perl", {".t": "perl", ".pm": "perl", ".pod": "pod"}, ""),
    (BINARY, "libphobos2-ldc-shared-dev", {".d": "d"}, ""),
    (SOURCE, "lua5.4", {".h": "c", ".c": "c"}, ""),
    (BINARY, "maxima-share", {".lisp": "common lisp"}, ""),
    (SOURCE, "musl", {".s": "unix assembly", ".h": "c"}, ""),
    (SOURCE, "nasm", {".asm": "assembly"}, ""),
    (SOURCE, "newlisp", {".lsp": "newlisp"}, ""),
    (SOURCE, "nfs-utils", {".h": "c", ".x": "rpc"}, ""),
    (BINARY, "node-typescript", {".ts": "typescript"}, ""),
    (BINARY, "octave-control", {".m": "matlab"}, ""),
    (BINARY, "octave-image", {".m": "matlab"}, ""),
    (BINARY, "octave-optim", {".m": "matlab"}, ""),
    (BINARY, "octave-signal", {".m": "matlab"}, ""),
    (BINARY, "octave-statistics", {".m": "matlab"}, ""),
    (SOURCE, "pasdoc", {".inc": "pascal", ".pas": "pascal"}, ""),
    (SOURCE, "pforth", {".fth": "forth"}, ""),
    (SOURCE, "php-twig", {".php": "php"}, ""),
    (BINARY, "dokuwiki", {".php": "php"}, ""),
    (BINARY, "picolisp", {".l": "picolisp"}, ""),
    (SOURCE, "polyml", {".ml": "standard ml", ".sml": "standard ml"}, ""),
    (BINARY, "postgresql-15-orafce", {".sql": "plpgsql"}, ""),
    (BINARY, "postgresql-15-partman", {".sql": "plpgsql"}, ""),
    (BINARY, "postgresql-15-pgtap", {".sql": "plpgsql"}, ""),
    (BINARY, "povray-includes", {".inc": "pov-ray sdl"}, ""),
    (BINARY, "puppet-module-puppetlabs-stdlib", {".pp": "puppet", ".rb": "ruby"}, ""),
    (SOURCE, "r-cran-dplyr", {".r": "r"}, ""),
    (SOURCE, "r-cran-ggplot2", {".r": "r"}, ""),
    (SOURCE, "raku-tap-harness", {".t": "raku", ".pm": "raku"}, ""),
    (SOURCE, "raku-zef", {".t": "raku", ".rakumod": "raku"}, ""),
    (SOURCE, "re2", {".h": "cpp"}, ""),
    (BINARY, "re2c", {".re": "cpp"}, "/examples/c/"),
    (BINARY, "roundcube-core", {".inc": "php", ".php": "php"}, ""),
    (BINARY, "roundcube-core", {".sql": "sql"}, "/mysql/"),
    (SOURCE, "rpcsvc-proto", {".x": "rpc"}, ""),
    (BINARY, "librust-regex-dev", {".rs": "rust"}, ""),
    (SOURCE, "rust-serde", {".rs": "rust"}, ""),
    (SOURCE, "supercollider", {".sc": "supercollider", ".scd": "supercollider"}, ""),
    (SOURCE, "swi-prolog", {".pl": "prolog", ".plt": "prolog"}, ""),
    (SOURCE, "syslinux", {".inc": "assembly", ".asm": "assembly"}, "/core/"),
    (SOURCE, "tcl8.6", {".h": "c"}, "/generic/"),
    (SOURCE, "tcl8.6", {".n": "roff", ".3": "roff manpage", ".msg": "tcl", ".tcl": "tcl"}, ""),
    (BINARY, "texlive-latex-base", {".cls": "tex", ".bst": "bibtex style", ".sty": "tex"}, ""),
    (BINARY, "texlive-latex-recommended", {".cls": "tex"}, ""),
    (SOURCE, "tiled-qt", {".ts": "xml"}, "/translations/"),
    (SOURCE, "tiled-qt", {".tsx": "xml", ".pro": "qmake", ".h": "cpp"}, ""),
    (SOURCE, "vim", {".txt": "vim help file"}, "/runtime/doc/"),
    (SOURCE, "vim", {".pro": "c"}, "/src/proto/"),
    (SOURCE, "why3", {".ml": "ocaml", ".v": "rocq prover"}, ""),
    (SOURCE, "yosys", {".v": "verilog", ".h": "cpp"}, ""),
    (BINARY, "gap-polycyclic", {".gd": "gap", ".gi": "gap"}, ""),
    (BINARY, "asymptote", {".asy": "asymptote"}, ""),
    (BINARY, "cc65", {".inc": "assembly"}, ""),
    (NPM, "@openzeppelin/contracts@5.7.0", {".sol": "solidity"}, ""),
    (NPM, "@uniswap/v3-core@1.0.1", {".sol": "solidity"}, ""),
    (NPM, "@rescript/core@1.6.1", {".res": "rescript"}, ""),
    (NPM, "@salesforce/templates@66.13.3", {".cls": "apex", ".trigger": "apex"}, ""),
    (NPM, "react-native-paper@5.15.3", {".tsx": "tsx"}, ""),
    (NPM, "react-native-screens@4.30.1", {".h": "objective-c", ".mm": "objective-c++"}, "/ios/"),
    (NPM, "react-native-screens@4.30.1", {".tsx": "tsx"}, ""),
    (NPM, "react-native-svg@15.16.1", {".h": "objective-c", ".mm": "objective-c++"}, "/apple/"),
    (NPM, "reason-react@0.11.0", {".re": "reason"}, ""),
    (NPM, "rxjs@7.8.2", {".ts": "typescript"}, "/src/"),
    (NPM, "tree-sitter-javascript@0.25.0", {".scm": "tree-sitter query"}, ""),
    (NPM, "tree-sitter-python@0.25.0", {".scm": "tree-sitter query"}, ""),
    (NPM, "zod@3.25.76", {".ts": "typescript"}, "/src/"),
]


HELD_OUT: list[tuple[str, str, dict[str, str], str]] = [
    # Scored apart: no rule was written or mended with these packages in view.
    (SOURCE, "libpng1.6", {".h": "c", ".c": "c"}, ""),
    (SOURCE, "curl", {".h": "c"}, "/lib/"),
    (SOURCE, "zeromq3", {".hpp": "cpp", ".cpp": "cpp"}, "/src/"),
    (SOURCE, "googletest", {".h": "cpp", ".cc": "cpp"}, ""),
    (SOURCE, "kcoreaddons", {".h": "cpp"}, "/src/lib/"),
    (SOURCE, "libqalculate", {".h": "cpp"}, "/libqalculate/"),
    (BINARY, "octave-geometry", {".m": "matlab"}, ""),
    (BINARY, "octave-mapping", {".m": "matlab"}, ""),
    (BINARY, "octave-symbolic", {".m": "matlab"}, ""),
    (SOURCE, "libmoo-perl", {".t": "perl", ".pm": "perl"}, ""),
    (SOURCE, "libtemplate-perl", {".t": "perl", ".pm": "perl", ".pl": "perl"}, ""),
    (SOURCE, "flocq", {".v": "rocq prover"}, ""),
    (BINARY, "verilator", {".v": "verilog"}, ""),
    (SOURCE, "lapack", {".f": "fortran"}, ""),
    (SOURCE, "menhir", {".ml": "ocaml"}, ""),
    (SOURCE, "lwt", {".ml": "ocaml"}, ""),
    (SOURCE, "r-cran-stringr", {".r": "r"}, ""),
    (BINARY, "stumpwm", {".lisp": "common lisp"}, ""),
    (SOURCE, "chicken", {".scm": "scheme"}, ""),
    (SOURCE, "dav1d", {".asm": "assembly"}, ""),
    (SOURCE, "tk8.6", {".n": "roff"}, ""),
    (SOURCE, "glusterfs", {".x": "rpc"}, ""),
    (SOURCE, "phpunit", {".php": "php"}, ""),
    (SOURCE, "rust-rand", {".rs": "rust"}, ""),
    (BINARY, "texlive-humanities", {".cls": "tex", ".bst": "bibtex style"}, ""),
    (NPM, "@openzeppelin/contracts-upgradeable@5.4.0", {".sol": "solidity"}, ""),
    (NPM, "inversify@6.0.2", {".ts": "typescript"}, ""),
    (NPM, "tree-sitter-ruby@0.23.1", {".scm": "tree-sitter query"}, ""),
]


class Sampled(NamedTuple):
    """One file of the sample and its label."""

    package: str
    path: str
    content: str
    language: str


def fetch(kind: str, package: str) -> Path | None:
    """Return the package's archive, downloaded once into a folder of its own, or None when it cannot be had."""
    folder = FOLDER / kind / package.strip("@").replace("/", "-")
    done = folder / "archive.name"
    if not done.exists():
        folder.mkdir(parents=True, exist_ok=True)
        if kind == NPM:
            command = ["npm", "pack", "--silent", package]
        else:
            verb = ["source", "--download-only"] if kind == SOURCE else ["download"]
            command = ["apt-get", "-qq", *verb, package]
        environment = {**os.environ, "APT_CONFIG": str(_apt_config())} if kind != NPM else None
        result = subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=False)
        found = sorted(path.name for path in folder.iterdir() if _ARCHIVE.search(path.name))
        if result.returncode != 0 or not found:
            return None
        write_text(done, found[0])
    return folder / done.read_text()


def _apt_config() -> Path:
    """Make a private apt that knows sources too: the machine's own lists, with `deb-src` beside `deb`."""
    root = FOLDER / "apt"
    config = root / "apt.conf"
    if config.exists():
        return config
    for name in ("lists/partial", "cache/archives/partial", "sources"):
        (root / name).mkdir(parents=True, exist_ok=True)
    for path in (Path("/etc/apt/sources.list.d/debian.sources"), Path("/etc/apt/sources.list")):
        if path.exists():
            text = re.sub(r"^Types:.*", "Types: deb deb-src", path.read_text(), flags=re.MULTILINE)
            text = re.sub(r"^deb (.*)", r"deb \1\ndeb-src \1", text, flags=re.MULTILINE)
            write_text(root / "sources" / path.name, text)
    settings = {
        "Dir::Etc::sourcelist": "/dev/null",
        "Dir::Etc::sourceparts": root / "sources",
        "Dir::State::lists": root / "lists",
        "Dir::Cache": root / "cache",
        "APT::Sandbox::User": "root",  # the cache is not everybody's to write
    }
    draft = root / "draft.conf"
    write_text(draft, "".join(f'{key} "{value}";\n' for key, value in settings.items()))
    environment = {**os.environ, "APT_CONFIG": str(draft)}
    if subprocess.run(["apt-get", "-qq", "update"], env=environment, check=False).returncode != 0:
        return draft
    return draft.rename(config)


def members(archive: Path) -> Iterator[tuple[str, bytes]]:
    """Yield (path, bytes) of the files in an archive, nothing written to disk."""
    if archive.suffix == ".deb":
        raw = subprocess.run(["dpkg-deb", "--fsys-tarfile", archive], capture_output=True, check=True).stdout
        opened = tarfile.open(fileobj=io.BytesIO(raw))  # noqa: SIM115 - closed below with the other kind
    else:
        opened = tarfile.open(archive)  # noqa: SIM115
    with opened as tar:
        for member in tar:
            if member.isfile() and 0 < member.size <= MAX_BYTES:
                file = tar.extractfile(member)
                if file is not None:
                    yield member.name, file.read()


def sample(manifest: Sequence[tuple[str, str, dict[str, str], str]]) -> tuple[list[Sampled], list[str]]:
    """Return the sample, equal for equal packages, and the packages that could not be had."""
    files: list[Sampled] = []
    missing = []
    for kind, package, labels, within in manifest:
        archive = fetch(kind, package)
        if archive is None:
            missing.append(package)
            continue
        by_extension: dict[str, list[Sampled]] = {}
        for path, data in members(archive):
            extension = Path(path).suffix.lower()
            if extension in labels and within in f"/{path}" and data.strip() and b"\0" not in data:
                text = data.decode("utf-8", "replace")
                by_extension.setdefault(extension, []).append(Sampled(package, path, text, labels[extension]))
        for found in by_extension.values():
            found.sort(key=lambda one: stable_hash(0, "identification", one.path))
            files += found[:PER_PACKAGE]
    return files, missing


class Score(NamedTuple):
    """How well the sample was named; `wrong` counts (extension, language, named)."""

    files: int
    right: int
    shared_files: int
    shared_right: int
    languages: int
    megabytes: float
    seconds: float
    wrong: Counter[tuple[str, str, str]]
    examples: list[tuple[Sampled, str, str]]
    steps: Counter[str]


def score(files: list[Sampled]) -> Score:
    """Name every file and compare. Seconds are CPU time of `identify` alone."""
    identify("warm.h", "")
    started = time.process_time()
    named = [identify(one.path, one.content) for one in files]
    seconds = time.process_time() - started
    facts = load_facts()
    shared = [len(facts.extensions.get(Path(one.path).suffix.lower(), ())) > 1 for one in files]
    right = [got.language == one.language for one, got in zip(files, named, strict=True)]
    bad = [(one, got) for one, got, good in zip(files, named, right, strict=True) if not good]
    return Score(
        len(files), sum(right), sum(shared), sum(a and b for a, b in zip(shared, right, strict=True)),
        len({one.language for one in files}), sum(len(one.content.encode()) for one in files) / 1e6, seconds,
        Counter((Path(one.path).suffix.lower(), one.language, str(got.language)) for one, got in bad),
        [(one, str(got.language), f"{got.step}: {got.detail}") for one, got in bad],
        Counter(got.step for got in named),
    )  # fmt: skip


def main() -> None:
    """Print the scores as a Markdown table, then what was named wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--wrong", type=int, default=0, metavar="N", help="show N files that were named wrong"
    )
    shown = parser.parse_args().wrong
    # Not above: tests import this file as part of a package.
    from measuring import table, table_head, table_row

    scores = {}
    for name, manifest in (("the sample", MANIFEST), ("held out", HELD_OUT)):
        files, missing = sample(manifest)
        if missing:
            print(f"could not be had: {', '.join(missing)}")
        if not files:
            sys.exit("error: no package could be downloaded")
        scores[name] = score(files)
    print(
        table_head("packages", "files", "languages", "right", "of shared extensions", "MB/s per CPU second")
    )
    for name, one in scores.items():
        shared = f"{one.shared_right / one.shared_files:.1%} of {one.shared_files}"
        rate = f"{one.megabytes / one.seconds:.0f}"
        print(table_row(name, one.files, one.languages, f"{one.right / one.files:.1%}", shared, rate))
    for name, one in scores.items():
        print(f"\n{name}: " + ", ".join(f"{step} {count}" for step, count in one.steps.most_common()))
        wrong = [
            (f"`{extension}`", language, named, count)
            for (extension, language, named), count in one.wrong.most_common()
        ]
        print("\n" + table(["extension", "language", "named", "files"], wrong))
        for file, named, why in one.examples[:shown]:
            print(f"{file.package}: {file.path}: {file.language}, named {named} ({why})")


if __name__ == "__main__":
    main()
