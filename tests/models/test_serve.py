"""End to end: the same questions to a model loaded here and to the same model behind `transformers serve`, greedily."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from codewright.core.errors import ConfigError
from codewright.core.records import Message
from codewright.models.model import Model, Reply, Sampling, open_model
from tests.models.served import transformers_serve
from tests.models.tiny_model import save_tiny_model

pytestmark = pytest.mark.slow

TEXTS = [f"def add_{number}(a, b):{' ' * (5 * number)}# adds" for number in range(10)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("serve") / "model", positions=512)


@pytest.fixture(scope="module")
def url(folder: Path) -> Iterator[str]:
    with transformers_serve(folder, folder.parent / "log") as address:
        yield address


def ask(model: Model, form: str, sampling: Sampling) -> list[Reply]:
    chats = [[Message("system", "Write code."), Message("user", text)] for text in TEXTS]
    call: Any = model.generate(chats, sampling) if form == "chat" else model.complete(TEXTS, sampling)
    replies: list[Reply] = asyncio.run(call)
    return replies


@pytest.mark.parametrize("form", ["chat", "completion"])
@pytest.mark.parametrize("stop", [(), ("\n",)])
def test_greedy_replies_are_the_same_here_and_there(
    folder: Path, url: str, form: str, stop: tuple[str, ...]
) -> None:
    sampling = Sampling(max_tokens=120, stop=stop)
    here = ask(open_model(str(folder)), form, sampling)
    there = ask(open_model(f"openai:{folder}", url, concurrency=3), form, sampling)
    assert [reply.text for reply in there] == [reply.text for reply in here]
    assert [reply.finish_reason for reply in there] == [reply.finish_reason for reply in here]
    assert {reply.finish_reason for reply in here} == {"stop", "length"}
    assert [reply.prompt_tokens for reply in there] == [reply.prompt_tokens for reply in here]
    # The server counts the end token among the reply's.
    assert {a.completion_tokens - b.completion_tokens for a, b in zip(there, here, strict=True)} <= {0, 1}


def test_another_model_than_the_served_one_is_one_line(url: str) -> None:
    with pytest.raises(ConfigError, match="Server is pinned to") as caught:
        ask(open_model("openai:other", url), "chat", Sampling())
    assert "\n" not in str(caught.value)
