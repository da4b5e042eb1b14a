"""What is known about repositories, from CSV or JSON Lines that the user brings: stars, forks, licence, last commit."""

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from codewright.core.errors import ConfigError, DataError
from codewright.core.io import open_content
from codewright.core.records import Lost
from codewright.core.text import one_line
from codewright.corpus.licenses import normalized

_COLUMNS = {
    "repo": ("repo", "repo_name", "full_name", "repository", "repository_name", "namewithowner", "max_stars_repo_name", "name"),
    "stars": ("stars", "stargazers_count", "star_events_count", "stargazercount", "max_stars_count", "watchers_count"),
    "forks": ("forks", "forks_count", "fork_events_count", "forkcount", "max_forks_count"),
    "license": ("license", "spdx", "spdx_id", "license_spdx", "gha_license_id", "detected_licenses", "max_stars_repo_licenses"),
    "committed_at": ("committed_at", "pushed_at", "pushedat", "last_commit", "committer_date", "gha_pushed_at"),
    "url": ("url", "html_url", "repo_url"),
}  # fmt: skip
"""Our fields -> column names in any case; the first that is there and filled counts. Source: GitHub's REST and GraphQL APIs,
GH Archive, and the columns of The Stack v1, v2 and StarCoderData."""

_NOTHING = frozenset({"", "nan", "none", "null", "nat", "noassertion", "[]"})
"""What tables write where they do not know."""

_MILLISECONDS = 100_000_000_000
"""Larger times are in milliseconds: as seconds this is the year 5138."""

_LARGEST = 2**63 - 1
"""What an int64 column of a corpus can hold."""


@dataclass(frozen=True)
class RepoFacts:
    """One repository; `committed_at` in Unix seconds; None where the tables do not say."""

    stars: int | None = None
    forks: int | None = None
    license: str | None = None
    committed_at: int | None = None
    url: str | None = None


def load(paths: Sequence[Path]) -> tuple[dict[str, RepoFacts], list[Lost]]:
    """Read tables (.csv, .tsv, .jsonl; also .gz, .zst) into facts by repository name, and the rows that are no good.

    A bad row (no name, stars that are no number, a date that is none, broken JSON) does not stop anything: write these into
    quarantine/ as they are. They are rows of a table, not files of the corpus: keep them out of the corpus's own counts, and
    give their number a detail of its own. Names are `owner/name` also where the table holds URLs. Of several rows for one
    repository the later one wins, field by field where it says something.

    Raises: ConfigError for a file that is no table by its name; DataError for one that is missing, cut off or has no column
    of names.
    """
    facts: dict[str, RepoFacts] = {}
    lost: list[Lost] = []
    for path in paths:
        for line, row in _rows(path):
            try:
                name, new = _facts(row)
            except ValueError as error:
                lost.append(
                    Lost("", "bad_repo_facts", one_line(f"line {line}: {error}"), str(path), _shown(row))
                )
                continue
            said = {key: value for key, value in asdict(new).items() if value is not None}
            facts[name] = RepoFacts(**{**asdict(facts[name]), **said}) if name in facts else new
    return facts, lost


def _rows(path: Path) -> Iterator[tuple[int, dict[str, Any] | str]]:
    """Yield (line from 1, row with lower-case names); a string instead says why the line is no row."""
    suffix = Path(path.name.removesuffix(".gz").removesuffix(".zst")).suffix.lower()
    if suffix in {".csv", ".tsv"}:
        with open_content(path) as file:
            yield from _csv_rows(path, file, "\t" if suffix == ".tsv" else ",")
    elif suffix in {".jsonl", ".ndjson", ".json"}:
        with open_content(path) as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield number, _json_row(line)
    else:
        raise ConfigError(f"{path}: repository facts come as .csv, .tsv or .jsonl, plain, .gz or .zst")


def _json_row(line: bytes) -> dict[str, Any] | str:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        return f"not JSON ({error})"
    if not isinstance(row, dict):
        return f"expected a JSON object, found {type(row).__name__}"
    return {name.lower(): value for name, value in row.items()}


def _csv_rows(path: Path, file: IO[bytes], delimiter: str) -> Iterator[tuple[int, dict[str, Any] | str]]:
    # A byte that is not UTF-8 mostly sits in a description nobody reads here.
    reader = csv.reader(
        io.TextIOWrapper(file, encoding="utf-8-sig", errors="replace", newline=""), delimiter=delimiter
    )
    header: list[str] | None = None
    while True:
        try:
            row = next(reader, None)
        except csv.Error as error:
            yield reader.line_num, f"not CSV ({error})"
            continue
        if row is None:
            return
        if header is None:
            header = [name.strip().lower() for name in row]
            if not set(header) & {*_COLUMNS["repo"], *_COLUMNS["url"]}:
                raise DataError(
                    f"{path}, line 1: no column of repository names (found: {one_line(', '.join(row))})"
                )
        elif len(row) == len(header):
            yield reader.line_num, dict(zip(header, row, strict=True))
        elif row:
            yield reader.line_num, f"{len(row)} fields under {len(header)} columns"


def _shown(row: Mapping[str, Any] | str) -> str | None:
    return None if isinstance(row, str) else json.dumps(row, default=str)


def _facts(row: Mapping[str, Any] | str) -> tuple[str, RepoFacts]:
    """Build one row's facts. Raises ValueError saying what is wrong with the line or which column."""
    if isinstance(row, str):
        raise ValueError(row)  # noqa: TRY004 - the reason that `_rows` gives
    url = _text(row, "url")
    owner = row.get("owner")
    name = _text(row, "repo") or url or ""
    if isinstance(owner, str) and owner and name and "/" not in name:
        name = f"{owner}/{name}"
    # URLs of any forge: https://host/owner/name(.git), git@host:owner/name.git
    name = re.sub(r"^(?:\w+://[^/]+/|git@[^:]+:)|(?:\.git)?/*$", "", name.strip())
    if not name or "\ufffd" in name:
        raise ValueError("no repository name")
    facts = RepoFacts(
        stars=_count(row, "stars"),
        forks=_count(row, "forks"),
        license=_license(row),
        committed_at=_time(row),
        url=url,
    )
    return name, facts


def _value(row: Mapping[str, Any], field: str) -> tuple[str, Any]:
    """Return (column, value) of the first filled column of a field; ("", None) where none is."""
    for column in _COLUMNS[field]:
        value = row.get(column)
        if value is not None and str(value).strip().lower() not in _NOTHING:
            return column, value
    return "", None


def _text(row: Mapping[str, Any], field: str) -> str | None:
    column, value = _value(row, field)
    if value is not None and not isinstance(value, str):
        raise ValueError(f"{column} is no text: {value!r}")
    # JSON can spell half a character; no file can hold one.
    return value.strip().encode("utf-8", "replace").decode("utf-8") if value is not None else None


def _count(row: Mapping[str, Any], field: str) -> int | None:
    column, value = _value(row, field)
    if value is None:
        return None
    number = _number(value)
    if number is None or number != int(number) or not 0 <= number <= _LARGEST:
        raise ValueError(f"{column} is no count: {value!r}")
    return int(number)


def _number(value: Any) -> float | int | None:
    """Read a finite number, also one written as text; None when it is none."""
    try:
        if isinstance(value, str):
            value = float(value) if set(value) & set(".eE") else int(value)
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return value if number and abs(value) <= _LARGEST else None
    except ValueError:
        return None


def _time(row: Mapping[str, Any]) -> int | None:
    column, value = _value(row, "committed_at")
    if value is None:
        return None
    number = _number(value)
    if number is not None:
        return int(number / 1000 if abs(number) > _MILLISECONDS else number)
    try:
        when = datetime.fromisoformat(re.sub(r"\s*UTC$", "+00:00", str(value).strip()))
        return int((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp())
    except (ValueError, OverflowError):
        raise ValueError(f"{column} is no date: {value!r}") from None


def _license(row: Mapping[str, Any]) -> str | None:
    """Read a licence: a name, GitHub's object with an SPDX id, or a list of names, which all hold."""
    _, value = _value(row, "license")
    if isinstance(value, dict):
        value = value.get("spdx_id")
    if isinstance(value, str) and value.startswith("["):  # a list that went through CSV
        value = re.findall(r"[\w.+-]+", value)
    names = value if isinstance(value, list) else [value]
    known = sorted({found for name in names if isinstance(name, str) and (found := normalized(name))})
    return " AND ".join(f"({name})" if " OR " in name else name for name in known) or None
