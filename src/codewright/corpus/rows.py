"""Rows of tables as members: by the columns of The Stack v1 and v2, StarCoderData, our own documents, or as the user says."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from codewright.core.errors import ConfigError
from codewright.core.languages.facts import language_named
from codewright.core.text import did_you_mean
from codewright.corpus.licenses import normalized
from codewright.corpus.members import Broken, Member, Skip, Trouble, shown, unsafe_name

COLUMNS = {
    "content": ("content", "text", "code"),
    "path": ("path", "max_stars_repo_path"),
    "repo": ("repo", "repo_name", "max_stars_repo_name"),
    "language": ("language", "lang"),
    "stars": ("stars", "star_events_count", "max_stars_count"),
    "committed_at": ("committed_at", "committer_date"),
    "license": ("license", "detected_licenses", "max_stars_repo_licenses"),
    "url": ("url",),
    "meta": ("meta",),
    "blob": ("blob_id", "hexsha"),
}
"""Our names -> the tables' names, the first that is there counts. Source: the data set cards of bigcode/the-stack,
bigcode/the-stack-v2 and bigcode/starcoderdata on the Hugging Face hub; `repo` and the like are ours."""

_HEADER = re.compile(r"(?:<reponame>[^<\n]*)?(?:<filename>[^<\n]*)?(?:<gh_stars>[^<\n]*)?\n")
"""What StarCoderData writes before some contents: tags for the model, no part of the file."""


def check_columns(columns: Mapping[str, str]) -> None:
    """Raises ConfigError for a name of ours that is none."""
    for name in columns:
        if name not in COLUMNS:
            raise ConfigError(
                f"columns: no column '{name}'{did_you_mean(name, COLUMNS)}; ours are: {', '.join(COLUMNS)}"
            )


def choose_columns(found: Sequence[str], columns: Mapping[str, str]) -> dict[str, str]:
    """Map our names to those columns of a table that hold them. Raises Broken when there is no content."""
    chosen: dict[str, str] = {}
    for ours, theirs in COLUMNS.items():
        if ours in columns:
            if columns[ours] not in found:
                raise Broken(
                    "no_column", f"no column '{columns[ours]}' for {ours}; there are: {', '.join(found)}"
                )
            chosen[ours] = columns[ours]
        else:
            name = next((name for name in theirs if name in found), None)
            chosen |= {ours: name} if name else {}
    if "content" not in chosen:
        hint = "; fetch the files by their blob_id first" if "blob" in chosen else ""
        raise Broken("no_content", f"no column with the files' content among {', '.join(found)[:300]}{hint}")
    return chosen


def member_of(row: Mapping[str, Any], number: int, max_bytes: int) -> Member | Skip | Trouble:
    """Turn one row, keyed by our names, into a member; number: its place in the table, which its provenance keeps."""
    place = f"row {number}"
    path = row.get("path") or place
    try:
        if unsafe := unsafe_name(path):
            return Trouble(f"{place}: {shown(path)}", "unsafe_name", unsafe)
        content = _content(row)
        if content is None:
            return Trouble(path, "no_content", f"{place} has no content")
        if len(content) > max_bytes:
            return Skip(path, "too_large", f"{len(content)} bytes")
        return _member(row, number, path, content)
    except UnicodeEncodeError:
        return Trouble(path, "undecodable", f"{place} holds half a character")
    except (TypeError, ValueError, OverflowError, AttributeError) as error:
        return Trouble(path if isinstance(path, str) else place, "wrong_type", f"{place}: {error}")


def _content(row: Mapping[str, Any]) -> bytes | None:
    content = row.get("content")
    if isinstance(content, str):
        if "max_stars_repo_path" in row and content.startswith(("<reponame>", "<filename>", "<gh_stars>")):
            content = _HEADER.sub("", content, count=1)
        return content.encode()
    if content is None or isinstance(content, bytes):
        return content
    raise TypeError(f"content is {type(content).__name__}")


def _member(row: Mapping[str, Any], number: int, path: str, content: bytes) -> Member:
    meta = {str(key): str(value) for key, value in dict(row.get("meta") or {}).items()}
    if row.get("blob"):
        meta["blob_id"] = str(row["blob"])
    if "source" not in meta:  # a document of ours keeps the place it first came from
        meta["row"] = str(number)
    return Member(
        path=path,
        data=content,
        repo=str(row.get("repo") or ""),
        language=language_named(str(row.get("language") or "")) or "",
        stars=int(row.get("stars") or 0),
        committed_at=_seconds(row.get("committed_at")),
        license=_license(row.get("license")),
        url=str(row["url"]) if row.get("url") else None,
        meta=meta,
    )


def _seconds(value: Any) -> int | None:
    if isinstance(value, str) and value:
        value = datetime.fromisoformat(value)
    if isinstance(value, datetime):
        return int((value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp())
    return int(value) if value else None


def _license(value: Any) -> str | None:
    """Spell one licence or several, which all hold, as SPDX does; what it does not know stays as it is."""
    several = value if isinstance(value, list | tuple) else [value]
    names = sorted({normalized(str(name)) or str(name) for name in several if name})
    if len(names) < 2:
        return names[0] if names else None
    return " AND ".join(f"({name})" if " OR " in name else name for name in names)
