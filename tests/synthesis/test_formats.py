"""Rows of other people's formats: read, written, round trips, and rows that are none of them."""

import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codewright.core.errors import ConfigError, DataError
from codewright.core.io import write_parquet
from codewright.core.records import (
    LOST_SCHEMA,
    SAMPLE_SCHEMA,
    Lost,
    Message,
    Origin,
    Reject,
    Sample,
    Tests,
    content_id,
    to_table,
)
from codewright.synthesis.formats import FORMATS, read_row, sniff, write_row
from codewright.synthesis.row_files import read_samples, write_samples

SHARED = Path(__file__).parents[3] / "shared" / "data" / "instruct"

ROWS: dict[str, dict[str, Any]] = {
    "messages": {
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Add one and one."},
            {"role": "assistant", "content": "2"},
        ]
    },
    "sharegpt": {
        "id": "x1",
        "conversations": [
            {"from": "human", "value": "Reverse a list."},
            {"from": "gpt", "value": "```py\nxs[::-1]\n```"},
            {"from": "human", "value": "In place?"},
            {"from": "gpt", "value": "xs.reverse()"},
        ],
    },
    "magicoder": {
        "lang": "cpp",
        "raw_index": 61533,
        "index": 1603,
        "seed": "int main() {",
        "openai_fingerprint": "fp_eeff13170a",
        "problem": "Sort numbers.",
        "solution": "```cpp\nstd::sort(a, b);\n```",
    },
    "evol_instruct": {"instruction": "Write a loop.", "response": "for (;;) {}"},
    "opencoder": {
        "seq_id": 7,
        "instruction": "Double a number.",
        "output": "```python\ndef double(x):\n    return 2 * x\n```",
        "tag": "educational",
        "code": "def double(x):\n    return 2 * x",
        "entry_point": "double",
        "testcase": ["assert double(1) == 2", "assert double(\n    2) == 4"],
    },
    "alpaca": {"instruction": "Add the numbers.", "input": "", "output": "3"},
}
"""One row of each format, in the columns it is published with."""


def sample(row: object, name: str | None = None) -> Sample:
    found = read_row(row, name)
    assert isinstance(found, Sample), found
    return found


@pytest.mark.parametrize("name", FORMATS)
def test_rows_are_known_by_their_columns_and_written_back(name: str) -> None:
    row = ROWS[name]
    assert sniff(row) == name
    made = sample(row)
    assert made == sample(row, name)
    assert (made.method, made.form) == (name, "chat")
    again = write_row(made, name, seed_text=row.get("seed", ""))
    assert again == {**row, "id": made.id} if name == "sharegpt" else again == row
    to_table([made], SAMPLE_SCHEMA)


def test_what_the_columns_become() -> None:
    made = sample(ROWS["magicoder"])
    assert (made.language, made.task) == ("cpp", "write")
    assert made.origin == Origin(
        (content_id("int main() {"),), "raw_index 61533, index 1603", "fp_eeff13170a"
    )
    assert made.messages == (
        Message("user", "Sort numbers."),
        Message("assistant", "```cpp\nstd::sort(a, b);\n```"),
    )
    made = sample(ROWS["opencoder"])
    assert (made.language, made.task, made.origin.place) == ("python", "educational", "seq_id 7")
    tests = "assert double(1) == 2\nassert double(\n    2) == 4"
    assert made.tests == Tests("def double(x):\n    return 2 * x", tests, "double")
    assert sample(ROWS["sharegpt"]).language == "python"
    assert [turn.role for turn in sample(ROWS["messages"]).messages] == ["system", "user", "assistant"]
    with_input = {"instruction": "Add the numbers.", "input": "1, 2", "output": "3", "text": "ignored"}
    assert sample(with_input).messages[0].content == "Add the numbers.\n\n1, 2"


def test_variants_that_are_published_too() -> None:
    assert sample({"instruction": "a", "output": "b"}).method == "alpaca"
    assert sample({"instruction": "a", "output": "b", "tag": "x"}).method == "opencoder"
    nulls = {
        "instruction": "a",
        "input": None,
        "output": "b",
        "messages": None,
        "testcase": None,
        "seq_id": None,
    }
    assert sample(nulls).method == "alpaca"
    swapped = {"conversations": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}
    assert sample(swapped).messages == (Message("user", "a"), Message("assistant", "b"))
    system = {
        "system": "s",
        "conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}],
    }
    assert sample(system).messages[0] == Message("system", "s")
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    rich = {
        "messages": [
            {"role": "user", "content": parts, "name": "n"},
            {"role": "assistant", "content": "c", "weight": 1},
        ]
    }
    assert sample(rich).messages == (Message("user", "ab"), Message("assistant", "c"))
    assert sample({**ROWS["magicoder"], "lang": "C#", "seed": None, "index": None}).language == "csharp"


USER, ANSWER = {"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}


@pytest.mark.parametrize(
    ("reason", "row"),
    [
        ("not_an_object", None),
        ("not_an_object", [USER, ANSWER]),
        ("not_an_object", "text"),
        ("unknown_format", {}),
        ("unknown_format", {"text": "a", "\ud800": 1}),
        ("wrong_type", {"messages": "text"}),
        ("wrong_type", {"messages": {"role": "user"}}),
        ("wrong_type", {"messages": [USER, "b"]}),
        ("wrong_type", {"messages": [USER, {"role": "assistant", "content": 3}]}),
        ("wrong_type", {"instruction": ["a"], "output": "b"}),
        ("wrong_type", {**ROWS["magicoder"], "raw_index": "1"}),
        ("wrong_type", {**ROWS["magicoder"], "index": True}),
        ("wrong_type", {**ROWS["opencoder"], "testcase": "assert 1"}),
        ("wrong_type", {**ROWS["opencoder"], "testcase": [1]}),
        ("missing_column", {**ROWS["opencoder"], "code": None}),
        ("missing_column", {"messages": [USER, {"role": "assistant"}]}),
        ("missing_column", {"conversations": [{"from": "human"}]}),
        ("missing_column", {"conversations": [{"value": "a"}]}),
        ("not_unicode", {"instruction": "a\ud800", "output": "b"}),
        ("not_unicode", {"messages": [USER, {"role": "assistant", "content": "\udfff"}]}),
        ("empty_turn", {"instruction": "", "output": "b"}),
        ("empty_turn", {"instruction": "a", "output": " \n"}),
        ("empty_turn", {"problem": "", "solution": "b"}),
        ("unknown_role", {"messages": [{"role": "narrator", "content": "a"}, ANSWER]}),
        ("unknown_role", {"conversations": [{"from": "alien", "value": "a"}]}),
        ("no_answer", {"messages": []}),
        ("no_answer", {"messages": [{"role": "system", "content": "a"}]}),
        ("no_answer", {"messages": [USER, ANSWER, USER]}),
        ("turn_order", {"messages": [ANSWER, USER, ANSWER]}),
        ("turn_order", {"messages": [USER, USER, ANSWER]}),
        ("turn_order", {"messages": [USER, ANSWER, ANSWER]}),
        ("turn_order", {"messages": [USER, {"role": "system", "content": "a"}, ANSWER]}),
        ("turn_order", {"messages": [USER, {"role": "tool", "content": "a"}, ANSWER]}),
        ("unsupported_turn", {"messages": [USER, {**ANSWER, "tool_calls": [{"id": "1"}]}]}),
        ("unsupported_turn", {"messages": [USER, {**ANSWER, "weight": 0}]}),
        ("unsupported_turn", {"messages": [{"role": "user", "content": [{"type": "image_url"}]}, ANSWER]}),
        ("unsupported_turn", {"messages": [{"role": "user", "content": ["a"]}, ANSWER]}),
    ],
)  # fmt: skip
def test_rows_that_cannot_be_used_say_why(reason: str, row: object) -> None:
    found = read_row(row)
    assert isinstance(found, Reject)
    assert found.reason == reason
    to_table([Lost("", found.reason, found.detail)], LOST_SCHEMA)


def test_a_name_asks_for_its_columns_and_unknown_names_are_refused() -> None:
    assert read_row(ROWS["alpaca"], "magicoder") == Reject("missing_column", "problem")
    for call in (lambda: read_row({}, "alpacca"), lambda: write_row(sample(ROWS["alpaca"]), "alpacca")):
        with pytest.raises(
            ConfigError, match=r"no format 'alpacca' \(did you mean 'alpaca'\?\); there are: "
        ):
            call()


TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30).filter(str.strip)
EXCHANGE = st.tuples(TEXT, TEXT).map(lambda two: [Message("user", two[0]), Message("assistant", two[1])])
TURNS = st.builds(
    lambda system, exchanges: [*system, *(turn for one in exchanges for turn in one)],
    st.lists(TEXT.map(lambda text: Message("system", text)), max_size=1),
    st.lists(EXCHANGE, min_size=1, max_size=4),
)


def made_of(turns: list[Message], **more: Any) -> Sample:
    fields = {"task": "write", "method": "m", "language": "python", "form": "chat", "origin": Origin()}
    return Sample.make(turns, **{**fields, **more})


def there_and_back(original: Sample, name: str) -> Sample:
    """Send a sample through the text of a JSON line."""
    row = write_row(original, name)
    assert isinstance(row, dict), row
    return sample(json.loads(json.dumps(row)), name)


@pytest.mark.parametrize("name", ["messages", "sharegpt"])
@given(TURNS)
def test_conversations_come_back(name: str, turns: list[Message]) -> None:
    original = made_of(turns)
    again = there_and_back(original, name)
    assert (again.id, again.messages) == (original.id, original.messages)


@pytest.mark.parametrize("name", ["alpaca", "evol_instruct"])
@given(EXCHANGE)
def test_exchanges_come_back(name: str, turns: list[Message]) -> None:
    assert there_and_back(made_of(turns), name).messages == tuple(turns)


@given(EXCHANGE, st.sampled_from(["python", "cpp", "csharp", "shell", "rust"]), st.none() | TEXT)
def test_magicoder_holds_the_language_and_the_teacher(
    turns: list[Message], language: str, teacher: str | None
) -> None:
    original = made_of(turns, language=language, origin=Origin(teacher=teacher))
    again = there_and_back(original, "magicoder")
    assert (again.messages, again.language, again.origin.teacher) == (original.messages, language, teacher)


@given(EXCHANGE, TEXT, TEXT, st.none() | TEXT, TEXT)
def test_opencoder_holds_the_tests_and_the_task(
    turns: list[Message], solution: str, code: str, entry_point: str | None, task: str
) -> None:
    original = made_of(turns, task=task, tests=Tests(solution, code, entry_point))
    again = there_and_back(original, "opencoder")
    assert (again.messages, again.tests, again.task) == (original.messages, original.tests, task)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["from", "value", "role", "content", "type", "text", "tool_calls"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
COLUMNS = sorted({column for row in ROWS.values() for column in row})


@settings(max_examples=150)
@given(JSON | st.dictionaries(st.sampled_from(COLUMNS), JSON, max_size=6), st.sampled_from([None, *FORMATS]))
def test_hostile_rows_are_values(row: object, name: str | None) -> None:
    found = read_row(row, name)
    if isinstance(found, Sample):
        to_table([found], SAMPLE_SCHEMA)
    else:
        assert found.reason.isidentifier()
        to_table([Lost("", found.reason, found.detail)], LOST_SCHEMA)


def test_what_a_format_cannot_hold_is_not_written() -> None:
    one = made_of([Message("user", "a"), Message("assistant", "b")])
    two = made_of([Message("user", "a"), Message("assistant", "b")] * 2)
    assert write_row(two, "alpaca") == Reject("not_one_exchange", "user assistant user assistant")
    assert write_row(made_of([Message("narrator", "a")]), "sharegpt") == Reject("unknown_role", "narrator")
    assert write_row(made_of([Message("narrator", "a")]), "messages") == Reject("unknown_role", "narrator")
    lone = write_row(made_of([Message("user", "\ud800"), Message("assistant", "b")]), "messages")
    assert isinstance(lone, Reject)
    assert lone.reason == "not_unicode"
    for name in FORMATS:
        assert write_row(made_of(one.messages, form="completion"), name) == Reject(
            "completion_form", made_of(one.messages, form="completion").id
        )
    other = made_of(one.messages, language="java", tests=Tests("s", "t"))
    assert "testcase" not in dict(write_row(other, "opencoder"))  # type: ignore[arg-type]


def test_files_of_every_kind(tmp_path: Path) -> None:
    rows = [ROWS["alpaca"], {**ROWS["alpaca"], "output": "four"}]
    lines = "".join(json.dumps(row) + "\n\n" for row in rows)
    (tmp_path / "a.jsonl").write_bytes(b"\xef\xbb\xbf" + lines.encode())
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
    (tmp_path / "a.json").write_text(json.dumps(rows))
    write_parquet(tmp_path / "a.parquet", pa.Table.from_pylist(rows))
    expected = [sample(row) for row in rows]
    for name in ("a.jsonl", "a.jsonl.gz", "a.json", "a.parquet"):
        assert list(read_samples(tmp_path / name)) == expected


def test_bad_lines_are_put_aside_with_their_place(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    good = json.dumps(ROWS["alpaca"]).encode()
    lines = [good, b"{", b"[1, 2]", b"\xff\xfe", b"[" * 100_000, b'{"a": 1}', b'{"instruction": "\\ud800", "output": "x"}', b"9" * 5000, b"", good]  # fmt: skip
    path.write_bytes(b"\n".join(lines))
    found = list(read_samples(path))
    lost = [one for one in found if isinstance(one, Lost)]
    assert len(found) - len(lost) == 2
    assert [(one.reason, one.path) for one in lost] == [
        ("not_json", "rows.jsonl:2"),
        ("not_an_object", "rows.jsonl:3"),
        ("not_utf8", "rows.jsonl:4"),
        ("not_json", "rows.jsonl:5"),
        ("unknown_format", "rows.jsonl:6"),
        ("not_unicode", "rows.jsonl:7"),
        ("not_json", "rows.jsonl:8"),
    ]
    assert lost[1].row == "[1, 2]"
    to_table(lost, LOST_SCHEMA)
    for text, reason in (('{"data": []}', "unknown_format"), ("[", "not_json"), ("3", "not_an_object")):
        (tmp_path / "rows.json").write_text(text)
        [one] = read_samples(tmp_path / "rows.json")
        assert isinstance(one, Lost)
        assert (one.reason, one.path) == (reason, "rows.json:1")
    with pytest.raises(DataError, match="no such file"):
        list(read_samples(tmp_path / "none.jsonl"))
    (tmp_path / "cut.jsonl.gz").write_bytes(gzip.compress(good * 99)[:-9])
    with pytest.raises(DataError, match="damaged or cut off"):
        list(read_samples(tmp_path / "cut.jsonl.gz"))


def test_a_file_is_written_with_what_could_not_be(tmp_path: Path) -> None:
    short = sample(ROWS["evol_instruct"])
    long = sample(ROWS["sharegpt"])
    result = write_samples(tmp_path / "m.jsonl", [long, short, short], "magicoder", lambda one: one.method)
    assert (result.rows, result.left_out) == (2, {"not_one_exchange": 1})
    lines = [json.loads(line) for line in (tmp_path / "m.jsonl").read_text().splitlines()]
    assert [(row["index"], row["seed"], row["problem"]) for row in lines] == [
        (0, "evol_instruct", "Write a loop."),
        (1, "evol_instruct", "Write a loop."),
    ]
    assert [one.messages for one in read_samples(tmp_path / "m.jsonl") if isinstance(one, Sample)] == [
        short.messages
    ] * 2


@pytest.mark.shared_data
def test_published_code_alpaca(tmp_path: Path) -> None:
    path = SHARED / "code_alpaca_2k.jsonl.gz"
    if not path.exists():
        pytest.skip(f"no {path}")
    found = list(read_samples(path))
    made = [one for one in found if isinstance(one, Sample)]
    assert len(found) == 2017
    assert {one.reason for one in found if isinstance(one, Lost)} <= {"empty_turn"}
    assert len(made) >= 2000
    assert write_samples(tmp_path / "back.jsonl", made, "alpaca").rows == len(made)
    assert [one.id for one in read_samples(tmp_path / "back.jsonl")] == [one.id for one in made]
