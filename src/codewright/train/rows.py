"""Instruction rows as token ids with a loss mask, and their batches: sorted by length, padded on the right.

With a causal model, padding on the right needs no attention mask: no real token can see it.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from codewright.core.errors import ConfigError
from codewright.core.records import Lost, Sample
from codewright.core.rng import stable_hash

TOO_LONG = "too_long"
NO_ANSWER = "no_answer"
SPECIAL_TOKEN = "special_token"  # noqa: S105 - a reason, not a password
DUPLICATE = "duplicate"

_BATCH_ROWS = 1000


@dataclass(frozen=True, eq=False)
class EncodedRow:
    """One row. ids: int32 of shape (T,); loss: bool of shape (T,), true where the token is learned."""

    id: str
    ids: npt.NDArray[np.int32]
    loss: npt.NDArray[np.bool_]


@dataclass
class EncodedRows:
    """The rows that can be trained on, in their order, and those that cannot."""

    kept: list[EncodedRow] = field(default_factory=list)
    dropped: list[Lost] = field(default_factory=list)


def encode_rows(tokenizer: Any, samples: Iterable[Sample], max_tokens: int) -> EncodedRows:
    """Tokenise rows and mark what carries loss: the answers, their end of turn or end of text included.

    Chat rows go through the tokenizer's chat template, completion rows are plain text, answer after prompt.
    Dropped with a reason: `too_long`, `no_answer` (no assistant turn at the end), `special_token` (a message spells
    one out and could forge a turn), `duplicate` (the same id again). Tokens behind the last learned one are cut off.
    Raises: ConfigError when the chat template does not mark what the model says.
    """
    result = EncodedRows()
    seen: set[str] = set()
    specials = tuple(tokenizer.all_special_tokens)
    remaining = iter(samples)
    while chunk := list(islice(remaining, _BATCH_ROWS)):
        usable: list[Sample] = []
        for sample in chunk:
            reason = DUPLICATE if sample.id in seen else _objection(sample, specials)
            seen.add(sample.id)
            if reason:
                result.dropped.append(Lost(sample.id, reason))
            else:
                usable.append(sample)
        for row in _encode(tokenizer, usable):
            if len(row.ids) > max_tokens:
                detail = f"{len(row.ids)} tokens, max_tokens is {max_tokens}"
                result.dropped.append(Lost(row.id, TOO_LONG, detail))
            else:
                result.kept.append(row)
    return result


def _objection(sample: Sample, specials: tuple[str, ...]) -> str | None:
    if not sample.messages or sample.messages[-1].role != "assistant":
        return NO_ANSWER
    if sample.form == "completion" and len(sample.messages) != 2:
        return NO_ANSWER
    if any(token in message.content for message in sample.messages for token in specials):
        return SPECIAL_TOKEN
    return None


def _encode(tokenizer: Any, samples: Sequence[Sample]) -> list[EncodedRow]:
    """Tokenise one block, chat and completion rows each in one call, and return them in the order given."""
    chats = [sample for sample in samples if sample.form == "chat"]
    texts = [sample for sample in samples if sample.form == "completion"]
    rows = {row.id: row for row in (*_encode_chats(tokenizer, chats), *_encode_completions(tokenizer, texts))}
    return [rows[sample.id] for sample in samples]


def _encode_chats(tokenizer: Any, samples: Sequence[Sample]) -> Iterator[EncodedRow]:
    if not samples:
        return
    if "generation" not in (tokenizer.chat_template or ""):
        raise ConfigError(
            "the base model's chat template has no {% generation %} marks, so answers cannot be told apart"
        )
    turns = [[{"role": turn.role, "content": turn.content} for turn in sample.messages] for sample in samples]
    encoded = tokenizer.apply_chat_template(
        turns, tokenize=True, return_dict=True, return_assistant_tokens_mask=True, padding=False
    )
    for sample, ids, loss in zip(samples, encoded["input_ids"], encoded["assistant_masks"], strict=True):
        yield _row(sample.id, ids, loss)


def _encode_completions(tokenizer: Any, samples: Sequence[Sample]) -> Iterator[EncodedRow]:
    if not samples:
        return
    # Encoded apart, as at inference, where the prompt is encoded before the answer exists.
    prompts = tokenizer([sample.messages[0].content for sample in samples], add_special_tokens=False)[
        "input_ids"
    ]
    answers = tokenizer([sample.messages[1].content for sample in samples], add_special_tokens=False)[
        "input_ids"
    ]
    for sample, prompt, answer in zip(samples, prompts, answers, strict=True):
        learned = [*answer, tokenizer.eos_token_id]
        yield _row(sample.id, [*prompt, *learned], [0] * len(prompt) + [1] * len(learned))


def _row(identity: str, ids: Sequence[int], loss: Sequence[int]) -> EncodedRow:
    learned = np.asarray(loss, dtype=np.bool_)
    positions = np.flatnonzero(learned)
    if not len(positions) or positions[0] == 0:
        raise AssertionError(
            f"row {identity}: nothing to learn, or nothing before it; the chat template is wrong"
        )
    end = int(positions[-1]) + 1
    return EncodedRow(identity, np.asarray(ids[:end], dtype=np.int32), learned[:end])


class RowBatches:
    """Batches of rows of similar length; which rows share a batch, and the order, change with every epoch."""

    def __init__(self, rows: Sequence[EncodedRow], batch_tokens: int, seed: int) -> None:
        """batch_tokens: largest batch, padding included; a longer row makes a batch of its own."""
        self._rows, self._seed = rows, seed
        self._lengths = np.asarray([len(row.ids) for row in rows])
        self._cuts = _cut(np.sort(self._lengths), batch_tokens)
        self.count = len(self._cuts)
        self._epoch = -1
        self._order: npt.NDArray[np.int64] = np.empty(0, np.int64)
        self._shuffle: npt.NDArray[np.int64] = np.empty(0, np.int64)

    def batch(self, step: int) -> list[EncodedRow]:
        """Return the rows of a step, counted from 1."""
        epoch, position = divmod(step - 1, self.count)
        if epoch != self._epoch:
            rng = np.random.default_rng(stable_hash(self._seed, "sft", epoch))
            # Sorting by length with random ties gives equal cuts in every epoch, with other rows in them.
            self._order = np.lexsort((rng.permutation(len(self._rows)), self._lengths))
            self._shuffle = rng.permutation(self.count)
            self._epoch = epoch
        start, stop = self._cuts[int(self._shuffle[position])]
        return [self._rows[index] for index in self._order[start:stop]]


def _cut(lengths: npt.NDArray[np.int64], batch_tokens: int) -> list[tuple[int, int]]:
    """Cut ascending lengths into the longest runs whose padded size fits."""
    cuts, start = [], 0
    for index, length in enumerate(lengths):
        if index > start and (index + 1 - start) * int(length) > batch_tokens:
            cuts.append((start, index))
            start = index
    return [*cuts, (start, len(lengths))] if len(lengths) else []


def pad_right(rows: Sequence[EncodedRow], pad: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Stack rows to ids, int64 of shape (B, T), and the mask of what is learned, bool, false on the padding."""
    length = max(len(row.ids) for row in rows)
    ids_BT = np.full((len(rows), length), pad, dtype=np.int64)
    learned_BT = np.zeros((len(rows), length), dtype=np.bool_)
    for index, row in enumerate(rows):
        ids_BT[index, : len(row.ids)] = row.ids
        learned_BT[index, : len(row.ids)] = row.loss
    return torch.from_numpy(ids_BT), torch.from_numpy(learned_BT)
