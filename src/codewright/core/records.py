"""The rows that travel between stages, as frozen dataclasses with their Arrow schemas beside them.

On disk a row is one Parquet row with the columns of its schema; `to_table` and `from_dict` convert. Public
shapes follow the ecosystem (docs/formats.md): OpenAI `messages`, HumanEval problems, EvalPlus answers.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Self

import pyarrow as pa

Form = Literal["chat", "completion"]
"""How a row is rendered for the model: through the chat template, or as plain text to continue."""

AnswerForm = Literal["chat", "completion", "solution", "program"]
"""What an answer's solution is: the code of a chat answer; a prompt with its continuation; code made elsewhere that stands
alone; a whole program with its tests."""


def content_id(*parts: str | bytes) -> str:
    """Hash parts to the SHA-256 hex id that rows carry; parts are separated, so ("ab", "c") != ("a", "bc")."""
    if len(parts) == 1:
        only = parts[0]
        return hashlib.sha256(
            only if isinstance(only, bytes) else only.encode("utf-8", "surrogatepass")
        ).hexdigest()
    digest = hashlib.sha256()
    for part in parts:
        data = part if isinstance(part, bytes) else part.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "little"))
        digest.update(data)
    return digest.hexdigest()


@dataclass(frozen=True)
class Document:
    """One source file. `id` is the SHA-256 of its bytes; `path` is relative to its source; `committed_at` is in Unix seconds."""

    id: str
    content: str
    path: str
    repo: str
    language: str
    stars: int = 0
    committed_at: int | None = None
    license: str | None = None
    url: str | None = None
    meta: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> Self:
        """Build from a Parquet row; columns the caller did not read get empty values."""
        return cls(
            id=row["id"],
            content=row.get("content", ""),
            path=row.get("path", ""),
            repo=row.get("repo", ""),
            language=row.get("language", ""),
            stars=row.get("stars") or 0,
            committed_at=row.get("committed_at"),
            license=row.get("license"),
            url=row.get("url"),
            meta=dict(row.get("meta") or {}),
        )


def place_of(row: Mapping[str, Any]) -> str:
    """Name a document by what it was read from (an archive, folder, repository or table; else its repository) and its path."""
    return f"{dict(row.get('meta') or {}).get('source') or row['repo']}:{row['path']}"


@dataclass(frozen=True)
class Message:
    """One turn; roles are OpenAI's (system, user, assistant, tool)."""

    role: str
    content: str


@dataclass(frozen=True)
class Origin:
    """Where a row came from: seed ids, the place inside the seed, and what a teacher charged for it."""

    seeds: tuple[str, ...] = ()
    place: str | None = None
    teacher: str | None = None
    prompt_hash: str | None = None
    cost_usd: float = 0.0


@dataclass(frozen=True)
class Tests:
    """What a row's answer must do: `solution` is what is executed, `code` the tests, `mode` the sandbox mode."""

    solution: str
    code: str
    entry_point: str | None = None
    mode: str = "split"

    __test__ = False  # the name is the schema's; pytest must not collect it


@dataclass(frozen=True)
class RowVerdict:
    """The sandbox's word on a row; without timings, so that datasets are byte-identical between runs."""

    status: str
    isolation: str
    forgeable: bool


@dataclass(frozen=True)
class Sample:
    """One instruction row. In `completion` form the user message is the text to continue."""

    id: str
    messages: tuple[Message, ...]
    task: str
    method: str
    language: str
    form: Form
    origin: Origin
    tests: Tests | None = None
    verdict: RowVerdict | None = None

    @classmethod
    def make(
        cls, messages: Iterable[Message], *, task: str, method: str, language: str, form: Form, origin: Origin,
        tests: Tests | None = None, verdict: RowVerdict | None = None,
    ) -> Self:  # fmt: skip
        """Build a row whose id is the hash of its form and messages, so equal rows have equal ids."""
        turns = tuple(messages)
        key = [form, *(text for turn in turns for text in (turn.role, turn.content))]
        return cls(content_id(*key), turns, task, method, language, form, origin, tests, verdict)

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> Self:
        """Build from a Parquet row."""
        origin = dict(row["origin"])
        origin["seeds"] = tuple(origin["seeds"] or ())
        return cls(
            id=row["id"],
            messages=tuple(Message(**turn) for turn in row["messages"]),
            task=row["task"],
            method=row["method"],
            language=row["language"],
            form=row["form"],
            origin=Origin(**origin),
            tests=Tests(**row["tests"]) if row.get("tests") else None,
            verdict=RowVerdict(**row["verdict"]) if row.get("verdict") else None,
        )


@dataclass(frozen=True)
class Reject:
    """A row a method decided against, with the reason that is counted."""

    reason: str
    detail: str = ""


@dataclass(frozen=True)
class Problem:
    """One benchmark task. `prompt` is the text to complete, `meta` what only its benchmark understands."""

    benchmark: str
    task_id: str
    prompt: str
    entry_point: str
    canonical_solution: str
    tests: str
    language: str = "python"
    meta: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> Self:
        """Build from a Parquet row."""
        return cls(**{**row, "meta": dict(row.get("meta") or {})})


@dataclass(frozen=True)
class Answer:
    """What a model was asked (`prompt`, before the chat template), the raw `response`, and the `solution` taken from it.

    how: in what way it was taken (`core.extract`); empty where nothing had to be.
    """

    benchmark: str
    task_id: str
    sample_index: int
    form: AnswerForm
    prompt: str
    response: str
    solution: str
    finish_reason: str = "stop"
    how: str = ""

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> Self:
        """Build from a Parquet row."""
        return cls(**row)


@dataclass(frozen=True)
class Verdict:
    """What the sandbox and the benchmark said of one answer; `seconds` is CPU time of the program.

    base_passed, plus_passed: None where the benchmark has no such verdicts.
    """

    benchmark: str
    task_id: str
    sample_index: int
    form: AnswerForm
    language: str
    status: str
    passed: bool
    isolation: str
    forgeable: bool
    seconds: float
    detail: str
    base_passed: bool | None = None
    plus_passed: bool | None = None

    def as_row(self) -> dict[str, Any]:
        """Return it for verdicts.jsonl, without the verdicts its benchmark does not have."""
        return {name: value for name, value in asdict(self).items() if value is not None}


_TEXT_MAP = pa.map_(pa.string(), pa.string())

DOCUMENT_SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("content", pa.large_string()),
        ("path", pa.string()),
        ("repo", pa.string()),
        ("language", pa.string()),
        ("stars", pa.int64()),
        ("committed_at", pa.int64()),
        ("license", pa.string()),
        ("url", pa.string()),
        ("meta", _TEXT_MAP),
    ]
)

SAMPLE_SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("messages", pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))),
        ("task", pa.string()),
        ("method", pa.string()),
        ("language", pa.string()),
        ("form", pa.string()),
        (
            "origin",
            pa.struct(
                [
                    ("seeds", pa.list_(pa.string())),
                    ("place", pa.string()),
                    ("teacher", pa.string()),
                    ("prompt_hash", pa.string()),
                    ("cost_usd", pa.float64()),
                ]
            ),
        ),
        (
            "tests",
            pa.struct(
                [
                    ("solution", pa.string()),
                    ("code", pa.string()),
                    ("entry_point", pa.string()),
                    ("mode", pa.string()),
                ]
            ),
        ),
        (
            "verdict",
            pa.struct([("status", pa.string()), ("isolation", pa.string()), ("forgeable", pa.bool_())]),
        ),
    ]
)

PROBLEM_SCHEMA = pa.schema(
    [
        ("benchmark", pa.string()),
        ("task_id", pa.string()),
        ("prompt", pa.string()),
        ("entry_point", pa.string()),
        ("canonical_solution", pa.string()),
        ("tests", pa.string()),
        ("language", pa.string()),
        ("meta", _TEXT_MAP),
    ]
)

ANSWER_SCHEMA = pa.schema(
    [
        ("benchmark", pa.string()),
        ("task_id", pa.string()),
        ("sample_index", pa.int64()),
        ("form", pa.string()),
        ("prompt", pa.string()),
        ("response", pa.string()),
        ("solution", pa.string()),
        ("finish_reason", pa.string()),
        ("how", pa.string()),
    ]
)

LOST_SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("reason", pa.string()),
        ("detail", pa.string()),
        ("path", pa.string()),
        ("row", pa.large_string()),
    ]
)
"""Rows under dropped/ and quarantine/: `row` is the record as JSON where it is not found elsewhere by `path`."""


@dataclass(frozen=True)
class Lost:
    """A dropped or quarantined row and why."""

    id: str
    reason: str
    detail: str = ""
    path: str = ""
    row: str | None = None


def to_table(rows: Iterable[Any], schema: pa.Schema) -> pa.Table:
    """Turn dataclass rows into an Arrow table of the given schema, in order."""
    return pa.Table.from_pylist([_plain(row) for row in rows], schema=schema)


def _plain(row: Any) -> dict[str, Any]:
    record = asdict(row)
    if isinstance(record.get("meta"), dict):
        # Arrow maps are lists of pairs; sorted, so that equal rows have equal bytes.
        record["meta"] = sorted(record["meta"].items())
    return record
