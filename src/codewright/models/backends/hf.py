"""A Hugging Face model, from a folder or the hub, on the GPU when there is one, else on the CPU, in fp32.

Requests are sorted by length, padded on the left and decoded together; a row leaves its batch when it is done. What a
request gets does not depend on its batch, except where two tokens are tied to the last bits of a sum.
Limits: one process, one device; prompts that leave no room in the model's positions get an empty reply; a JSON schema is not
kept to, whoever asks for one reads what the model wrote.
"""

import asyncio
import json
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch.nn import functional
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.cache_utils import DynamicCache
from transformers.utils import logging as transformers_logging

from codewright.core.errors import ConfigError
from codewright.core.records import Message, content_id
from codewright.core.rng import stable_hash
from codewright.core.text import one_line
from codewright.models.hf_source import HfSource, find_source
from codewright.models.model import Reply, Sampling

BATCH_ROWS = 64
"""Rows decoded together: on two CPU cores a 2M-parameter model gains nothing beyond."""

_NO_END = 2**31
"""Positions of a model without a table of them, such as a recurrent one."""

_RENDERED_CHARACTERS = 200


def open_backend(rest: str) -> "HfModel":
    """Open a folder, a training stage's, or a model of the hub. Raises ConfigError when there is none that can be loaded."""
    source = find_source(rest)
    transformers_logging.disable_progress_bar()
    options = source.options()
    try:
        tokenizer = AutoTokenizer.from_pretrained(source.path, **options)
        model, loaded = AutoModelForCausalLM.from_pretrained(
            source.path, dtype="float32", output_loading_info=True, **options
        )
    except Exception as error:  # safetensors and transformers raise kinds of their own, all for bad files
        raise ConfigError(f"{source.path}: the model cannot be loaded ({one_line(error)})") from None
    missing = sorted(loaded["missing_keys"])
    if missing:  # transformers would go on with random numbers in their place
        raise ConfigError(
            f"{source.path}: {len(missing)} of the model's weights are not in its files, such as {missing[0]}"
        )
    return HfModel(model, tokenizer, rest, source)


@dataclass
class _Request:
    """One prompt on its way. order: its place in the caller's list; draws: its own random numbers."""

    order: int
    ids: list[int]
    draws: np.random.Generator
    generated: list[int] = field(default_factory=list)
    reply: Reply | None = None


class HfModel:
    """A loaded causal language model; calls take turns, so concurrent callers are safe."""

    def __init__(self, model: Any, tokenizer: Any, name: str, source: HfSource) -> None:
        """Take a model, its tokenizer, what it was asked for as and where it was found; see `open_backend`."""
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.model = model.to(self.device).eval()
        self.tokenizer = tokenizer
        ends = model.generation_config.eos_token_id
        self._ends = frozenset(ends if isinstance(ends, list) else [ends]) - {None} | {tokenizer.eos_token_id}
        positions = getattr(model.config.get_text_config(), "max_position_embeddings", None)
        self._positions = int(positions) if positions else _NO_END
        self._turn = threading.Lock()
        self._name = name
        self._identity = source.identity()

    def describe(self) -> dict[str, Any]:
        """Return spec, a hash of the weights or the hub's commit, and how the chat template renders a turn, if it has one."""
        return {
            "model": f"hf:{self._name}",
            "weights": self._identity,
            "chat_template": self._describe_template(),
        }

    def _describe_template(self) -> dict[str, str] | None:
        template = self.tokenizer.chat_template
        if not template:
            return None
        rendered = self._render([Message("user", "QUESTION")])
        source = template if isinstance(template, str) else json.dumps(template, sort_keys=True)
        return {"sha256": content_id(source), "rendered": rendered[:_RENDERED_CHARACTERS]}

    async def generate(self, chats: Sequence[Sequence[Message]], sampling: Sampling) -> list[Reply]:
        """Answer chats through the tokenizer's chat template. Raises ConfigError when it has none."""
        if not self.tokenizer.chat_template:
            raise ConfigError(
                f"model {self._name}: its tokenizer has no chat template; ask in completion form (--form completion)"
            )
        return await self._run([self._render(chat) for chat in chats], sampling, special_tokens=False)

    def _render(self, chat: Sequence[Message]) -> str:
        turns = [{"role": turn.role, "content": turn.content} for turn in chat]
        try:
            text: str = self.tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
        except Exception as error:  # templates raise errors of their own, e.g. for a role they do not know
            raise ConfigError(
                f"model {self._name}: its chat template does not take this chat ({one_line(error)})"
            ) from None
        return text

    async def complete(self, texts: Sequence[str], sampling: Sampling) -> list[Reply]:
        """Continue plain texts, after the start token if the tokenizer puts one before texts."""
        return await self._run(list(texts), sampling, special_tokens=True)

    async def _run(self, texts: list[str], sampling: Sampling, *, special_tokens: bool) -> list[Reply]:
        stopped = threading.Event()
        try:
            return await asyncio.to_thread(self._complete, texts, sampling, special_tokens, stopped)
        except asyncio.CancelledError:
            stopped.set()  # a thread cannot be ended from outside, and the program waits for it
            raise

    async def log_likelihood(self, texts: Sequence[str], window_tokens: int = 256) -> list[tuple[float, int]]:
        """Return (nats, tokens) of each text: its log-likelihood, never positive, and its number of tokens.

        A text is preceded by end-of-text, as in pretraining, and read in windows: every token is predicted once, from
        the tokens before it in its window and the last one before that. Special tokens spelled out stay plain text.
        """
        return await asyncio.to_thread(self._log_likelihood, list(texts), window_tokens)

    @torch.inference_mode()
    def _log_likelihood(self, texts: list[str], window_tokens: int) -> list[tuple[float, int]]:
        backend = self.tokenizer.backend_tokenizer
        with self._turn:
            backend.encode_special_tokens = True
            try:
                encodings = backend.encode_batch_fast(texts, add_special_tokens=False)
            finally:
                backend.encode_special_tokens = False
            windows: list[tuple[int, list[int]]] = []
            for index, encoding in enumerate(encodings):
                ids = [self.tokenizer.eos_token_id, *encoding.ids]
                starts = range(0, len(ids) - 1, window_tokens)
                windows += [(index, ids[start : start + window_tokens + 1]) for start in starts]
            windows.sort(key=lambda window: (len(window[1]), window[0]))
            nats = [0.0] * len(texts)
            for first in range(0, len(windows), BATCH_ROWS):
                batch = windows[first : first + BATCH_ROWS]
                for (index, _), value in zip(
                    batch, self._window_nats([ids for _, ids in batch]), strict=True
                ):
                    nats[index] += value
        return [(0.0 - total, len(encoding.ids)) for total, encoding in zip(nats, encodings, strict=True)]

    def _window_nats(self, windows: list[list[int]]) -> list[float]:
        """Sum the negative log-likelihoods of each window; padded on the right, which no real token can see."""
        length = max(map(len, windows))
        ids_BT = torch.zeros((len(windows), length), dtype=torch.long)
        for row, ids in enumerate(windows):
            ids_BT[row, : len(ids)] = torch.tensor(ids)
        ids_BT = ids_BT.to(self.device)
        logits_BTV = self.model(input_ids=ids_BT[:, :-1], use_cache=False).logits.float()
        loss_BT = functional.cross_entropy(logits_BTV.transpose(1, 2), ids_BT[:, 1:], reduction="none")
        return [float(loss_BT[row, : len(ids) - 1].double().sum()) for row, ids in enumerate(windows)]

    def _complete(
        self, texts: list[str], sampling: Sampling, special_tokens: bool, stopped: threading.Event
    ) -> list[Reply]:
        with self._turn:
            encoded = self.tokenizer(texts, add_special_tokens=special_tokens)["input_ids"] if texts else []
            repeats: Counter[str] = Counter()
            requests: list[_Request] = []
            for order, (text, ids) in enumerate(zip(texts, encoded, strict=True)):
                seed = stable_hash(sampling.seed, "sampling", repeats[text], text)
                requests.append(_Request(order, list(ids), np.random.default_rng(seed)))
                repeats[text] += 1
            ready = []
            for request in sorted(requests, key=lambda item: (len(item.ids), item.ids, item.order)):
                if 0 < len(request.ids) < self._positions and sampling.max_tokens > 0:
                    ready.append(request)
                else:
                    self._finish(request, "length")
            for first in range(0, len(ready), BATCH_ROWS):
                self._decode(ready[first : first + BATCH_ROWS], sampling, stopped)
        return [request.reply for request in requests if request.reply is not None]

    @torch.inference_mode()
    def _decode(self, alive: list[_Request], sampling: Sampling, stopped: threading.Event) -> None:
        """Decode one batch token by token, taking rows out as they finish."""
        length = max(len(request.ids) for request in alive)
        ids_BT = torch.zeros((len(alive), length), dtype=torch.long)
        mask_BT = torch.zeros((len(alive), length), dtype=torch.long)
        for row, request in enumerate(alive):
            ids_BT[row, length - len(request.ids) :] = torch.tensor(request.ids)
            mask_BT[row, length - len(request.ids) :] = 1
        ids_BT, mask_BT = ids_BT.to(self.device), mask_BT.to(self.device)
        cache = DynamicCache(config=self.model.config)
        while alive and not stopped.is_set():
            position_BT = (mask_BT.cumsum(1) - 1).clamp(min=0)[:, -ids_BT.shape[1] :]
            logits_BV = self.model(
                input_ids=ids_BT,
                attention_mask=mask_BT,
                position_ids=position_BT,
                past_key_values=cache,
                use_cache=True,
                logits_to_keep=1,
            ).logits[:, -1]
            tokens = self._choose(logits_BV.float(), alive, sampling)
            left = [row for row, token in enumerate(tokens) if self._advance(alive[row], token, sampling)]
            if len(left) < len(alive):
                alive = [alive[row] for row in left]
                rows = torch.tensor(left, dtype=torch.long, device=self.device)
                cache.batch_select_indices(rows)
                mask_BT = mask_BT[rows]
            ids_BT = torch.tensor([[tokens[row]] for row in left], dtype=torch.long, device=self.device)
            mask_BT = functional.pad(mask_BT, (0, 1), value=1)

    def _choose(self, logits_BV: torch.Tensor, alive: list[_Request], sampling: Sampling) -> list[int]:
        """Choose each row's next token: the likeliest, or a draw by the row's own random numbers."""
        if sampling.temperature == 0:
            return [int(token) for token in logits_BV.argmax(-1)]
        probabilities_BV, order_BV = (
            (logits_BV / sampling.temperature).softmax(-1).double().sort(-1, descending=True)
        )
        mass_BV = probabilities_BV.cumsum(-1)
        # A token stays while the mass before it is below top_p, so the likeliest one always stays.
        kept_BV = mass_BV - probabilities_BV < sampling.top_p
        mass_BV = (probabilities_BV * kept_BV).cumsum(-1)
        draws_B1 = torch.tensor([[request.draws.random()] for request in alive], dtype=torch.double)
        targets_B1 = draws_B1.to(mass_BV.device) * mass_BV[:, -1:]
        ranks_B1 = torch.searchsorted(mass_BV, targets_B1, right=True).clamp(max=mass_BV.shape[1] - 1)
        return [int(token) for token in order_BV.gather(1, ranks_B1)[:, 0]]

    def _advance(self, request: _Request, token: int, sampling: Sampling) -> bool:
        """Take a token into a request; return whether it goes on."""
        if token in self._ends:
            self._finish(request, "stop")
            return False
        request.generated.append(token)
        if sampling.stop:
            text = self._text(request)
            found = [position for stop in sampling.stop if (position := text.find(stop)) >= 0]
            if found:
                self._finish(request, "stop", text[: min(found)])
                return False
        full = len(request.ids) + len(request.generated) >= self._positions
        if full or len(request.generated) >= sampling.max_tokens:
            self._finish(request, "length")
            return False
        return True

    def _finish(self, request: _Request, reason: str, text: str | None = None) -> None:
        final = self._text(request) if text is None else text
        request.reply = Reply(final, reason, len(request.ids), len(request.generated))

    def _text(self, request: _Request) -> str:
        text: str = self.tokenizer.decode(request.generated, skip_special_tokens=True)
        return text
