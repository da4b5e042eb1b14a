"""One member's content: decoded, named, and kept as a document or passed over with the reason."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pyarrow as pa

from codewright.core.languages import identify
from codewright.core.records import DOCUMENT_SCHEMA, content_id
from codewright.corpus.decoding import Undecodable, decode
from codewright.corpus.kinds import unwanted
from codewright.corpus.licenses import spdx_tag
from codewright.corpus.members import Member, Piece, Skip, Trouble, is_archive
from codewright.corpus.notebooks import to_script


@dataclass(frozen=True)
class Wanted:
    """What is kept; plain JSON. languages: None for all; leave_out: reasons of `corpus.kinds.unwanted` that count."""

    languages: tuple[str, ...] | None
    leave_out: tuple[str, ...]
    notebooks: bool


@dataclass(frozen=True, slots=True)
class Kept:
    """A document whose content is still bytes (UTF-8); fields as those of `records.Document`."""

    id: str
    content: bytes
    path: str
    repo: str
    language: str
    stars: int
    committed_at: int | None
    license: str | None
    url: str | None
    meta: Mapping[str, str]
    place: str
    """The source as the user names it, within which a repository's licence holds."""


SCRATCH_SCHEMA = DOCUMENT_SCHEMA.append(pa.field("place", pa.string()))


def document_of(member: Member, piece: Piece, wanted: Wanted) -> Kept | Skip | Trouble:
    """Look at one member's content; whatever goes wrong with it is trouble of this member alone."""
    path, data = member.path, member.data
    if not data or data.isspace():
        return Skip(path, "empty")
    if is_archive(data):
        return Skip(path, "nested_archive", "by its content; give it as a source of its own to have it read")
    try:
        return _document(member, piece, wanted)
    except Undecodable as error:
        # Pictures and programs are in every archive; text that cannot be read is worth a look.
        return (Skip if error.reason == "binary" else Trouble)(path, error.reason, error.detail)
    except Exception as error:
        return Trouble(path, "content_crashed", f"{type(error).__name__}: {error}"[:300])


def _document(member: Member, piece: Piece, wanted: Wanted) -> Kept | Skip:
    path, data = member.path, member.data
    decoded = decode(data)
    text = decoded.text
    language: str | None
    if path.lower().endswith(".ipynb"):
        if not wanted.notebooks:
            return Skip(path, "notebook")
        script = to_script(text)
        text, language = script.text, script.language
    else:
        language = identify(path, text).language or member.language
    if not text or text.isspace():
        return Skip(path, "empty")
    if not language:
        return Skip(path, "unknown_language")
    if wanted.languages is not None and language not in wanted.languages:
        return Skip(path, "other_language", language)
    reason = unwanted(path, text, language)
    if reason and reason[0] in wanted.leave_out:
        return Skip(path, *reason)
    same = text is decoded.text and decoded.encoding == "utf-8" and not data.startswith(b"\xef\xbb\xbf")
    content = data if same else text.encode()
    meta = {**member.meta, "source": member.meta.get("source", piece.path)}
    if decoded.encoding != "utf-8":
        meta["encoding"] = decoded.encoding
    return Kept(
        id=content_id(content),
        content=content,
        path=path,
        repo=member.repo or piece.repo,
        language=language,
        stars=member.stars,
        committed_at=member.committed_at,
        license=spdx_tag(text) or member.license,
        url=member.url,
        meta=meta,
        place=piece.place,
    )


def to_scratch(kept: Iterable[Kept]) -> pa.Table:
    """Turn documents into a table column by column: a row at a time costs more than all the rest of reading."""
    rows = list(kept)
    columns: dict[str, pa.Array] = {}
    for field in SCRATCH_SCHEMA:
        values = [getattr(row, field.name) for row in rows]
        if field.name == "content":
            # UTF-8 that was decoded once: a cast to text would look at it again.
            whole = pa.array(values, pa.large_binary())
            columns["content"] = pa.Array.from_buffers(pa.large_string(), len(whole), whole.buffers())
        elif field.name == "meta":
            columns["meta"] = pa.array([sorted(value.items()) for value in values], field.type)
        else:
            columns[field.name] = pa.array(values, field.type)
    return pa.table(columns, schema=SCRATCH_SCHEMA)
