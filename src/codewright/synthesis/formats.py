"""Instruction rows as others publish them, to and from ours.

| name | columns | published with |
|---|---|---|
| messages | messages: [{role, content}] | OpenAI's fine-tuning API, TRL |
| sharegpt | conversations: [{from, value}] | ShareGPT, WildChat copies |
| magicoder | lang, raw_index, index, seed, openai_fingerprint, problem, solution | ise-uiuc/Magicoder-OSS-Instruct-75K |
| evol_instruct | instruction, response | ise-uiuc/Magicoder-Evol-Instruct-110K |
| opencoder | instruction, output; seq_id, tag; code, entry_point, testcase | OpenCoder-LLM/opc-sft-stage1, -stage2 |
| alpaca | instruction, input, output | Stanford Alpaca, Code Alpaca |

What cannot be used is a `Reject` with its reason, never an exception. Columns that are not named here are not read. Files of
such rows: row_files.py.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from codewright.core.errors import ConfigError
from codewright.core.extract.python_pieces import parse_python
from codewright.core.languages.facts import language_named
from codewright.core.records import Message, Origin, Reject, Sample, Tests, content_id
from codewright.core.text import did_you_mean, one_line

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Format:
    """A format: the columns by which its rows are known, and both directions.

    write: takes a sample, its number in the output, and the text of the code it was made from where that is known.
    """

    needs: frozenset[str]
    hints: frozenset[str]
    read: Callable[[Row], Sample]
    write: Callable[[Sample, int, str], dict[str, Any]]


class _Unfit(Exception):  # noqa: N818 - never leaves this file: read_row and write_row return it as a Reject
    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason)
        self.reject = Reject(reason, one_line(detail))


def sniff(row: Row) -> str | None:
    """Name the format whose columns a row has, or None. A column that holds null counts as none."""
    there = {str(key) for key, value in row.items() if value is not None}
    for name, form in FORMATS.items():
        if form.needs <= there and (not form.hints or form.hints & there):
            return name
    return None


def read_row(row: object, name: str | None = None) -> Sample | Reject:
    """Turn a row into a sample, by the format of this name or the one its columns show. Raises ConfigError for another name.

    Reasons: not_an_object, unknown_format, missing_column, wrong_type, not_unicode, empty_turn, unknown_role, turn_order,
    no_answer, unsupported_turn.
    """
    form = _named(name) if name is not None else None
    if not isinstance(row, Mapping):
        return Reject("not_an_object", type(row).__name__)
    if form is None:
        found = sniff(row)
        if found is None:
            return Reject("unknown_format", one_line(", ".join(map(repr, row))))
        form = FORMATS[found]
    try:
        return form.read(row)
    except _Unfit as unfit:
        return unfit.reject


def write_row(sample: Sample, name: str, number: int = 0, seed_text: str = "") -> dict[str, Any] | Reject:
    """Turn a sample into a row of the format of this name. Raises ConfigError for another name.

    number: the row's place in the output, for formats that number rows. seed_text: the code a row was made from.
    Reasons: completion_form (text to continue is no instruction), not_one_exchange, unknown_role, not_unicode.
    """
    form = _named(name)
    if sample.form != "chat":
        return Reject("completion_form", sample.id)
    try:
        for turn in sample.messages:
            _encodable(turn.content, turn.role)
        return form.write(sample, number, seed_text)
    except _Unfit as unfit:
        return unfit.reject


def _named(name: str) -> Format:
    if name not in FORMATS:
        known = ", ".join(FORMATS)
        raise ConfigError(f"no format '{name}'{did_you_mean(name, FORMATS)}; there are: {known}")
    return FORMATS[name]


def _encodable(text: str, where: str) -> str:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise _Unfit("not_unicode", f"{where}: {error.reason} at {error.start}") from None
    return text


def _text(row: Row, key: str) -> str:
    """Return a column's text. Raises _Unfit when it is missing, null, or something else."""
    value = row.get(key)
    if value is None:
        raise _Unfit("missing_column", key)
    if not isinstance(value, str):
        raise _Unfit("wrong_type", f"{key}: {type(value).__name__}")
    return _encodable(value, key)


def _text_or_nothing(row: Row, key: str) -> str:
    return _text(row, key) if row.get(key) is not None else ""


def _whole_number(row: Row, key: str) -> int | None:
    value = row.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        raise _Unfit("wrong_type", f"{key}: {type(value).__name__}")
    return value


# Samples out of turns ------------------------------------------------------------------------------------------------

_ANSWER = "answer"
"""The task of a row that does not say what is asked for."""

_FENCE = re.compile(r"^```([\w+#.-]+)[ \t]*$", re.MULTILINE)


def _made(
    turns: list[Message], method: str, *, task: str = _ANSWER, language: str = "", origin: Origin | None = None,
    tests: Tests | None = None,
) -> Sample:  # fmt: skip
    """Build the sample. Raises _Unfit for turns that no chat template takes."""
    _check_order(turns)
    return Sample.make(
        turns, task=task, method=method, language=language or _fenced_language(turns), form="chat", origin=origin or Origin(),
        tests=tests,
    )  # fmt: skip


def _check_order(turns: list[Message]) -> None:
    for number, turn in enumerate(turns, 1):
        if not turn.content.strip():
            raise _Unfit("empty_turn", f"turn {number}, {turn.role}")
    rest = turns[1:] if turns and turns[0].role == "system" else turns
    roles = [turn.role for turn in rest]
    if not roles or roles[-1] != "assistant":
        raise _Unfit("no_answer", f"ends with {roles[-1] if roles else 'nothing'}")
    wrong = roles[0] != "user" or any(
        later == "system" or (later == earlier != "tool") or (later == "tool" and earlier == "user")
        for earlier, later in pairwise(roles)
    )
    if wrong:
        raise _Unfit("turn_order", " ".join(turn.role for turn in turns))


def _fenced_language(turns: list[Message]) -> str:
    """Name the language of the first fenced block of an answer that has one; empty where none says so."""
    for turn in turns:
        for word in _FENCE.findall(turn.content) if turn.role == "assistant" else ():
            known = language_named(word)
            if known:
                return known
    return ""


def _exchange(question: str, answer: str) -> list[Message]:
    return [Message("user", question), Message("assistant", answer)]


def _one_exchange(sample: Sample) -> tuple[str, str]:
    """Return the only question and its answer. Raises _Unfit for other samples."""
    roles = [turn.role for turn in sample.messages]
    if roles != ["user", "assistant"]:
        raise _Unfit("not_one_exchange", " ".join(roles))
    return sample.messages[0].content, sample.messages[1].content


# The formats ---------------------------------------------------------------------------------------------------------


def _turn_rows(row: Row, key: str) -> list[Row]:
    value = row.get(key)
    if value is None:
        raise _Unfit("missing_column", key)
    if not isinstance(value, list):
        raise _Unfit("wrong_type", f"{key}: {type(value).__name__}")
    for number, turn in enumerate(value, 1):
        if not isinstance(turn, Mapping):
            raise _Unfit("wrong_type", f"{key}, turn {number}: {type(turn).__name__}")
    return value


_OPENAI_ROLES = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
}
_HELD = frozenset({"role", "content", "name"})
"""Keys of an OpenAI message whose loss changes nothing that is trained on; `weight: 1` is the default."""


def _read_messages(row: Row) -> Sample:
    turns = []
    for number, turn in enumerate(_turn_rows(row, "messages"), 1):
        more = {key for key, value in turn.items() if key not in _HELD and value not in (None, [], "", 1)}
        if more:
            raise _Unfit("unsupported_turn", f"turn {number}: {', '.join(sorted(map(repr, more)))}")
        role = _text(turn, "role")
        if role not in _OPENAI_ROLES:
            raise _Unfit("unknown_role", f"turn {number}: {role}")
        turns.append(Message(_OPENAI_ROLES[role], _openai_content(turn, number)))
    return _made(turns, "messages")


def _openai_content(turn: Row, number: int) -> str:
    """Return a message's text; it may come in parts."""
    parts = turn.get("content")
    if not isinstance(parts, list):
        return _text(turn, "content")
    texts = []
    for part in parts:
        if not isinstance(part, Mapping) or part.get("type") != "text":
            kind = part.get("type") if isinstance(part, Mapping) else type(part).__name__
            raise _Unfit("unsupported_turn", f"turn {number}: a part of type {kind!r}")
        texts.append(_text(part, "text"))
    return "".join(texts)


def _write_messages(sample: Sample, _number: int, _seed_text: str) -> dict[str, Any]:
    turns = []
    for turn in sample.messages:
        if turn.role not in _OPENAI_ROLES:
            raise _Unfit("unknown_role", turn.role)
        turns.append({"role": turn.role, "content": turn.content})
    return {"messages": turns}


_SHAREGPT_ROLES = {
    "human": "user", "user": "user", "gpt": "assistant", "assistant": "assistant", "chatgpt": "assistant", "bing": "assistant",
    "bard": "assistant", "system": "system", "tool": "tool", "observation": "tool", "function_response": "tool",
}  # fmt: skip
"""Names in `from`: those of ShareGPT's exports, and those that other tools write into the same columns."""
_SHAREGPT_NAMES = {"user": "human", "assistant": "gpt", "system": "system", "tool": "tool"}


def _read_sharegpt(row: Row) -> Sample:
    turns = []
    for number, turn in enumerate(_turn_rows(row, "conversations"), 1):
        name, content = ("from", "value") if "from" in turn else ("role", "content")
        role = _text(turn, name)
        if role not in _SHAREGPT_ROLES:
            raise _Unfit("unknown_role", f"turn {number}: {role}")
        turns.append(Message(_SHAREGPT_ROLES[role], _text(turn, content)))
    system = _text_or_nothing(row, "system")
    if system.strip() and not (turns and turns[0].role == "system"):
        turns.insert(0, Message("system", system))
    return _made(turns, "sharegpt")


def _write_sharegpt(sample: Sample, _number: int, _seed_text: str) -> dict[str, Any]:
    turns = []
    for turn in sample.messages:
        if turn.role not in _SHAREGPT_NAMES:
            raise _Unfit("unknown_role", turn.role)
        turns.append({"from": _SHAREGPT_NAMES[turn.role], "value": turn.content})
    return {"id": sample.id, "conversations": turns}


_INDICES = re.compile(r"raw_index (-?\d+), index (-?\d+)")


def _read_magicoder(row: Row) -> Sample:
    raw_index, index = _whole_number(row, "raw_index"), _whole_number(row, "index")
    seed, lang = _text_or_nothing(row, "seed"), _text_or_nothing(row, "lang")
    origin = Origin(
        seeds=(content_id(seed),) if seed else (),
        place=f"raw_index {raw_index}, index {index}" if None not in (raw_index, index) else None,
        teacher=_text_or_nothing(row, "openai_fingerprint") or None,
    )
    turns = _exchange(_text(row, "problem"), _text(row, "solution"))
    return _made(turns, "magicoder", task="write", language=language_named(lang) or lang, origin=origin)


def _write_magicoder(sample: Sample, number: int, seed_text: str) -> dict[str, Any]:
    problem, solution = _one_exchange(sample)
    indices = _INDICES.fullmatch(sample.origin.place or "")
    return {
        "lang": sample.language,
        "raw_index": int(indices[1]) if indices else number,
        "index": int(indices[2]) if indices else number,
        "seed": _encodable(seed_text, "seed"),
        "openai_fingerprint": sample.origin.teacher or "",
        "problem": problem,
        "solution": solution,
    }


def _read_evol(row: Row) -> Sample:
    return _made(_exchange(_text(row, "instruction"), _text(row, "response")), "evol_instruct")


def _write_evol(sample: Sample, _number: int, _seed_text: str) -> dict[str, Any]:
    instruction, response = _one_exchange(sample)
    return {"instruction": instruction, "response": response}


_SEQUENCE = re.compile(r"seq_id (-?\d+)")


def _read_opencoder(row: Row) -> Sample:
    number, tests = _whole_number(row, "seq_id"), _opencoder_tests(row)
    return _made(
        _exchange(_text(row, "instruction"), _text(row, "output")),
        "opencoder",
        task=_text_or_nothing(row, "tag") or _ANSWER,
        language="python" if tests else "",
        origin=Origin(place=f"seq_id {number}" if number is not None else None),
        tests=tests,
    )


def _opencoder_tests(row: Row) -> Tests | None:
    cases = row.get("testcase")
    if not cases:
        return None
    if not isinstance(cases, list) or not all(isinstance(case, str) for case in cases):
        raise _Unfit("wrong_type", "testcase: not a list of texts")
    code = "\n".join(_encodable(case, "testcase") for case in cases)
    return Tests(_text(row, "code"), code, _text_or_nothing(row, "entry_point") or None)


def _write_opencoder(sample: Sample, number: int, _seed_text: str) -> dict[str, Any]:
    instruction, output = _one_exchange(sample)
    place = _SEQUENCE.fullmatch(sample.origin.place or "")
    row: dict[str, Any] = {
        "seq_id": int(place[1]) if place else number,
        "instruction": instruction,
        "output": output,
        "tag": sample.task,
    }
    tests = sample.tests
    if tests and tests.mode == "split" and sample.language == "python":
        row |= {
            "code": tests.solution,
            "entry_point": tests.entry_point or "",
            "testcase": _statements(tests.code),
        }
    return row


def _statements(code: str) -> list[str]:
    """Split tests into their statements where joined lines give them back; else they stay one text."""
    lines, tree = code.split("\n"), parse_python(code)
    if tree is None:
        return [code]
    parts = ["\n".join(lines[node.lineno - 1 : node.end_lineno]) for node in tree.body]
    return parts if "\n".join(parts) == code else [code]


def _read_alpaca(row: Row) -> Sample:
    instruction, more = _text(row, "instruction"), _text_or_nothing(row, "input")
    question = f"{instruction}\n\n{more}" if more.strip() else instruction
    return _made(_exchange(question, _text(row, "output")), "alpaca")


def _write_alpaca(sample: Sample, _number: int, _seed_text: str) -> dict[str, Any]:
    instruction, output = _one_exchange(sample)
    return {"instruction": instruction, "input": "", "output": output}


def _format(needs: str, read: Any, write: Any, hints: str = "") -> Format:
    return Format(frozenset(needs.split()), frozenset(hints.split()), read, write)


FORMATS: Mapping[str, Format] = {
    "messages": _format("messages", _read_messages, _write_messages),
    "sharegpt": _format("conversations", _read_sharegpt, _write_sharegpt),
    "magicoder": _format("problem solution", _read_magicoder, _write_magicoder),
    "evol_instruct": _format("instruction response", _read_evol, _write_evol),
    "opencoder": _format("instruction output", _read_opencoder, _write_opencoder, "seq_id tag code entry_point testcase"),
    "alpaca": _format("instruction output", _read_alpaca, _write_alpaca),
}  # fmt: skip
"""Name -> format, in the order in which columns are looked at: a row may have those of several."""
