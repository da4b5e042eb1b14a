"""Folders of source files, and the two that every machine has (`stdlib`, `site-packages`)."""

import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from codewright.corpus.listing import Found, distribution_facts, resolve_source, top_name, walk
from codewright.corpus.members import Gate, Member, Options, Piece, Place, Skip, Trouble, shown


def fits(path: Path, head: bytes) -> bool:  # noqa: ARG001
    """Tell whether this is a folder; asked last, so one that no other reader takes."""
    return path.is_dir()


def cut(place: Place, options: Options) -> list[Piece]:
    """Cut the listing into runs of about `piece_bytes`; repositories are the top-level folders and modules."""
    source = resolve_source(place.path)
    facts = distribution_facts() if source.prefix == "pypi" else {}
    pieces: list[Piece] = []
    listing = walk(source.root, source.leave_out, Path(options.avoid) if options.avoid else None)
    for files in cut_files(listing, options.piece_bytes):
        tops = {top_name(path) for path, _, _ in files}
        known = {top: facts[top] for top in sorted(tops & facts.keys())}
        params = {"files": files, "facts": known, "license": source.license}
        size = sum(size for _, size, _ in files)
        pieces.append(Piece("folder", place.path, place.path, str(source.root), source.prefix, size, params))
    return pieces


def cut_files(listing: Iterable[Found], most_bytes: int) -> Iterator[list[tuple[str, int, str]]]:
    """Cut a listing into runs of about so many bytes: path, size, and what is wrong with each file."""
    run: list[tuple[str, int, str]] = []
    filled = 0
    for found in listing:
        if run and filled + found.size > most_bytes:
            yield run
            run, filled = [], 0
        plain = shown(found.path)  # names are kept in JSON, which can spell UTF-8 only
        run.append((plain, found.size, found.trouble if plain == found.path else "unsafe_name"))
        filled += found.size
    if run:
        yield run


def members(piece: Piece, options: Options) -> Iterator[Member | Skip | Trouble]:
    """Yield the files of one run of a folder's listing."""
    gate = Gate(options)
    for path, size, trouble in piece.params["files"]:
        if trouble in {"unreadable", "unsafe_name"}:
            detail = (
                "a folder that cannot be listed"
                if trouble == "unreadable"
                else "not UTF-8, or control characters"
            )
            yield Trouble(path, trouble, detail)
            continue
        yield gate.refuse(path, size, trouble) or _read(piece, path, options.max_file_bytes)


def _read(piece: Piece, path: str, max_bytes: int) -> Member | Skip | Trouble:
    """Read one file, which may have become something else since it was listed."""
    try:
        # Never through a link, never waiting for a pipe's other end.
        handle = os.open(Path(piece.root) / path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(handle, "rb") as file:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                return Skip(path, "special_file")
            data = file.read(max_bytes + 1)
    except OSError as error:
        return Trouble(path, "unreadable", str(error.strerror))
    if len(data) > max_bytes:
        return Skip(path, "too_large", f"over {max_bytes} bytes")
    top = top_name(path)
    license_, url = piece.params["facts"].get(top, (piece.params["license"], None))
    return Member(path, data, f"{piece.repo}/{top}", license=license_, url=url)
