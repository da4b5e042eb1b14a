"""Batches against a server that has them: whole ones, broken ones, killed runs; nothing is paid twice, nothing is lost."""

import asyncio
import multiprocessing
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tenacity import wait_none

from codewright.core.errors import BackendError, ConfigError
from codewright.core.records import Message
from codewright.models import batch, batch_requests, batch_server, retrying
from codewright.models.batch import BatchModel, open_batched
from codewright.models.batch_book import book_beside
from codewright.models.batch_ledger import BatchLedger
from codewright.models.budget import Budget
from codewright.models.model import DescribedModel, Model, Reply, Sampling, ServedModel, open_model
from codewright.models.paid import PaidModel
from codewright.models.reply_cache import ReplyCache
from tests.models.batch_endpoint import Batches, Ending, serving_batches
from tests.models.endpoint import Asked, Said, error, reply, serving

FORK = multiprocessing.get_context("fork")
KEY = "sk-very-secret-0123456789"
WARM = Sampling(max_tokens=20, temperature=1.0, seed=3)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short pauses; no key and no address from outside."""
    monkeypatch.setattr(retrying, "_BACKOFF", wait_none())
    monkeypatch.setattr(batch, "QUIET_S", 0.02)
    monkeypatch.setattr(batch_requests, "FIRST_POLL_S", 0.005)
    monkeypatch.setattr(batch_requests, "LONGEST_POLL_S", 0.02)
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_CUSTOM_HEADERS"):
        monkeypatch.delenv(name, raising=False)


def echo(asked: Asked) -> Said:
    return reply(asked, f"{asked.prompt}!")


def chats(count: int) -> list[list[Message]]:
    return [[Message("user", f"say {number}")] for number in range(count)]


def said(count: int) -> list[str]:
    return [f"say {number}!" for number in range(count)]


def wait_for(there: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not there() and time.monotonic() < end:
        time.sleep(0.01)


@pytest.fixture
def ask(tmp_path: Path) -> Callable[..., list[Reply]]:
    """Ask a server in batches; `keep=False` ends as a kill does, without a word to the book."""

    def call(server: Batches, asked: Any, sampling: Sampling = WARM, *, keep: bool = True, text: bool = False) -> list[Reply]:  # fmt: skip
        async def work(model: BatchModel) -> list[Reply]:
            send = model.complete if text else model.generate
            found = await asyncio.gather(*(send([one], sampling) for one in asked))
            if not keep:
                raise KeyboardInterrupt
            return [one for replies in found for one in replies]

        with open_batched("openai:tiny", server.endpoint.url, tmp_path / "book.sqlite") as model:
            return asyncio.run(work(model))

    return call


def test_it_is_the_served_model_that_it_asks(tmp_path: Path) -> None:
    with open_batched("openai:tiny", "http://localhost:1/v1", tmp_path / "book.sqlite") as model:
        assert isinstance(model, Model)
        assert isinstance(model, ServedModel)
        assert isinstance(model, DescribedModel)
        assert model.describe() == open_model("openai:tiny", "http://localhost:1/v1").describe()
        assert model.concurrency == 50_000
    with (
        pytest.raises(ConfigError, match="only openai:NAME is"),
        open_batched("hf:x", None, tmp_path / "b.sqlite"),
    ):
        pass


def test_all_that_is_asked_at_once_goes_in_one_batch(ask: Callable[..., list[Reply]]) -> None:
    with serving_batches(echo) as server:
        found = ask(server, chats(300))
    assert [one.text for one in found] == said(300)
    assert found[0] == Reply("say 0!", "stop", 2, 2)
    assert len(server.made) == 1
    assert server.endpoint.asked == []
    sent = server.lines[0]["body"]
    assert sent["messages"] == [{"role": "user", "content": "say 0"}]
    assert (sent["model"], sent["max_tokens"], sent["top_p"]) == ("tiny", 20, 1.0)


def test_requests_are_those_of_the_backend(ask: Callable[..., list[Reply]]) -> None:
    """So one cache serves both."""
    sampling = Sampling(9, temperature=0.7, top_p=0.9, stop=("a", "b", "c", "d", "e"))
    with serving_batches(echo) as server:
        ask(server, chats(1), sampling)
        asyncio.run(open_model("openai:tiny", server.endpoint.url).generate(chats(1), sampling))
        assert [asked.body for asked in server.endpoint.asked] == [line["body"] for line in server.lines]


def test_texts_go_to_completions_and_stop_texts_end_them(ask: Callable[..., list[Reply]]) -> None:
    with serving_batches(lambda asked: reply(asked, " 1\n2", "length")) as server:
        [found] = ask(server, ["x ="], Sampling(9, stop=("\n",)), text=True)
    assert found == Reply(" 1", "stop", 2, 2)
    assert server.made[0]["endpoint"] == "/v1/completions"


def test_chats_and_texts_asked_at_once_are_two_batches(tmp_path: Path) -> None:
    async def both(model: BatchModel) -> list[list[Reply]]:
        return await asyncio.gather(model.generate(chats(3), WARM), model.complete(["a", "b"], WARM))

    with serving_batches(echo) as server, open_batched("openai:tiny", server.endpoint.url, tmp_path / "b.sqlite") as model:  # fmt: skip
        talked, continued = asyncio.run(both(model))
    assert [one.text for one in talked + continued] == [*said(3), "a!", "b!"]
    assert {one["endpoint"] for one in server.made} == {"/v1/chat/completions", "/v1/completions"}
    assert len(server.made) == 2


def test_repetitions_are_drawn_apart_and_equal_greedy_requests_are_one(tmp_path: Path) -> None:
    def work(model: BatchModel, sampling: Sampling) -> list[Reply]:
        return asyncio.run(model.generate(chats(1) * 3, sampling))

    with (
        serving_batches(lambda asked: reply(asked, str(asked.body.get("seed")))) as server,
        open_batched("openai:tiny", server.endpoint.url, tmp_path / "book.sqlite") as model,
    ):
        assert len({one.text for one in work(model, WARM)}) == 3
        assert len({one.text for one in work(model, Sampling())}) == 1
    assert len(server.lines) == 4


def test_what_is_more_than_a_batch_holds_goes_into_the_next(
    ask: Callable[..., list[Reply]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch, "MOST_REQUESTS", 30)
    with serving_batches(echo) as server:
        assert [one.text for one in ask(server, chats(70))] == said(70)
    assert len(server.made) == 3
    monkeypatch.setattr(batch, "MOST_REQUESTS", 50_000)
    monkeypatch.setattr(batch, "MOST_BYTES", 2000)
    with serving_batches(echo) as server:
        assert [one.text for one in ask(server, chats(20))] == said(20)
    assert len(server.made) > 1
    files = [data for name, data in server.files.items() if name.startswith("file-")]
    assert max(map(len, files)) <= 2000


def test_failures_of_single_requests_are_told_apart(ask: Callable[..., list[Reply]]) -> None:
    def behave(asked: Asked) -> Said:
        return {
            "say 0": echo(asked),
            "say 1": reply(asked, None, refusal="No."),
            "say 2": reply(asked, "so f", "length"),
            "say 3": error(400, "filtered", "content_filter"),
            "say 4": error(400, "This model's maximum context length is 64 tokens"),
        }[asked.prompt]

    with serving_batches(behave) as server:
        found = ask(server, chats(5))
    assert [(one.text, one.finish_reason) for one in found] == [
        ("say 0!", "stop"), ("No.", "refusal"), ("so f", "length"), ("", "refusal"), ("", "length"),
    ]  # fmt: skip
    assert len(server.made) == 1
    assert [asked.body["max_tokens"] for asked in server.endpoint.asked] == [20, 1]  # the backend finds out


def test_failures_that_may_pass_go_into_the_next_batch_with_an_end(ask: Callable[..., list[Reply]]) -> None:
    times: dict[str, int] = {}

    def behave(asked: Asked) -> Said:
        times[asked.prompt] = times.get(asked.prompt, 0) + 1
        number = int(asked.prompt.split()[1])
        if times[asked.prompt] > number % 3:
            return echo(asked)
        return [error(429, "slow down"), error(500, "oops"), Said('{"choices": []}')][number % 3]

    with serving_batches(behave) as server:
        assert [one.text for one in ask(server, chats(30))] == said(30)
    assert len(server.made) == 3
    assert len(server.lines) == 30 + 20 + 10
    with (
        serving_batches(lambda asked: error(500, "oops")) as server,
        pytest.raises(BackendError, match="failed in 3 batches, the last time by batch_2: 500: oops"),
    ):
        ask(server, chats(2))
    assert len(server.made) == 3


def test_a_request_that_is_refused_ends_the_run_and_the_others_are_answered(tmp_path: Path) -> None:
    async def work(model: BatchModel) -> list[Any]:
        asked = (model.generate([one], WARM) for one in chats(4))
        return await asyncio.gather(*asked, return_exceptions=True)

    wrong = lambda asked: error(400, "temperature must be 1") if asked.prompt == "say 2" else echo(asked)  # noqa: E731
    with serving_batches(wrong) as server, open_batched("openai:tiny", server.endpoint.url, tmp_path / "b.sqlite") as model:  # fmt: skip
        found = asyncio.run(work(model))
    assert [one[0].text for one in found if isinstance(one, list)] == ["say 0!", "say 1!", "say 3!"]
    assert isinstance(found[2], ConfigError)
    assert "batch_0: 400: temperature must be 1; it does not take this request" in str(found[2])
    assert len(server.made) == 1


@pytest.mark.parametrize("status", ["expired", "cancelled", "failed"])
def test_of_a_batch_that_ended_early_what_came_is_used_and_the_rest_asked_again(
    status: str, ask: Callable[..., list[Reply]]
) -> None:
    first = Ending(status, answered=12) if status != "failed" else Ending(status, error=("oops", "no reason"))
    with serving_batches(echo, ending=lambda number: Ending() if number else first) as server:
        assert [one.text for one in ask(server, chats(40))] == said(40)
    assert len(server.made) == 2
    assert len(server.lines) == 40 + (40 if status == "failed" else 28)


def test_a_server_whose_batches_always_expire_is_given_up(ask: Callable[..., list[Reply]]) -> None:
    with (
        serving_batches(echo, ending=lambda _: Ending("expired", answered=0)) as server,
        pytest.raises(BackendError, match="failed in 3 batches, the last time by batch_2: too late"),
    ):
        ask(server, chats(3))
    assert len(server.made) == 3


def test_a_file_that_is_cut_off_or_gone_costs_only_what_was_in_it(ask: Callable[..., list[Reply]]) -> None:
    with serving_batches(echo, ending=lambda number: Ending(cut=0 if number else 10)) as server:
        assert [one.text for one in ask(server, chats(10))] == said(10)
    assert [len(server.made), len(server.lines)] == [2, 11]

    class Forgetful(dict[str, bytes]):
        def __contains__(self, name: object) -> bool:
            return super().__contains__(name) and name != "output_file_id-batch_0"

    with serving_batches(echo, files=Forgetful()) as server:
        assert [one.text for one in ask(server, chats(10))] == said(10)
    assert [len(server.made), len(server.lines)] == [2, 20]


FULL = ("token_limit_exceeded", "Enqueued token limit reached for tiny. Limit: 2,000 enqueued tokens.")


def test_a_full_queue_is_met_with_smaller_batches_one_at_a_time(ask: Callable[..., list[Reply]]) -> None:
    sizes: list[int] = []

    def ending(number: int) -> Ending:
        total = len(server.files[server.made[number]["input_file_id"]].splitlines())
        if number == len(sizes):
            sizes.append(total)
        at_work = sum(one["status"] == "in_progress" for one in server.made[:number])
        return Ending("failed", error=FULL) if total > 16 or at_work else Ending()

    with serving_batches(echo, ending=ending) as server:
        assert [one.text for one in ask(server, chats(70))] == said(70)
    assert sizes == [70, 35, 17, 8, 11, 14, 18, 9, 12, 16]  # larger again after each that went well
    assert max(server.times_asked().values()) <= 6


def test_a_queue_that_stays_full_is_waited_for_with_an_end(
    ask: Callable[..., list[Reply]], monkeypatch: pytest.MonkeyPatch
) -> None:
    full_for_long = lambda number: Ending("failed", error=FULL) if number < 9 else Ending()  # noqa: E731
    with serving_batches(echo, ending=full_for_long) as server:
        assert [one.text for one in ask(server, chats(4))] == said(4)
    monkeypatch.setattr(batch, "FULL_S", 0.0)
    with (
        serving_batches(echo, ending=lambda _: Ending("failed", error=FULL)) as server,
        pytest.raises(BackendError, match="Enqueued token limit reached"),
    ):
        ask(server, chats(4))


def test_too_large_a_limit_is_not_taken_for_its_other_name(ask: Callable[..., list[Reply]]) -> None:
    wrong = "max_completion_tokens is too large: 20. This model supports at most 10."
    with (
        serving_batches(lambda asked: error(400, wrong)) as server,
        pytest.raises(ConfigError, match="supports at most 10"),
    ):
        ask(server, chats(2))
    assert len(server.made) == 2  # the first time it may have been


def test_settings_that_the_server_wants_otherwise_are_learned(ask: Callable[..., list[Reply]]) -> None:
    def behave(asked: Asked) -> Said:
        if "max_tokens" in asked.body:
            return error(400, "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.")
        if "response_format" in asked.body:
            return error(400, "Unknown parameter: 'response_format'.")
        return echo(asked)

    sampling = Sampling(20, json_schema='{"type":"object"}')
    with serving_batches(behave) as server:
        assert [one.text for one in ask(server, chats(3), sampling)] == said(3)
    assert len(server.made) == 3
    assert server.lines[-1]["body"]["max_completion_tokens"] == 20


def test_a_server_that_is_away_is_waited_for_with_an_end(
    ask: Callable[..., list[Reply]], monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving_batches(echo, away=50) as server:
        assert [one.text for one in ask(server, chats(5))] == said(5)
    assert len(server.made) == 1
    monkeypatch.setattr(batch_server, "OUTAGE_S", 0.05)
    with serving_batches(echo, away=10**6) as server, pytest.raises(BackendError, match="503: back soon; batches under way go on"):  # fmt: skip
        ask(server, chats(5))
    server.away = 0


def test_a_server_without_batches_is_told_in_one_line(tmp_path: Path) -> None:
    with serving(echo) as endpoint:
        endpoint.other = lambda *_: Said('{"detail": "Not Found"}', 404)
        with (
            open_batched("openai:tiny", endpoint.url, tmp_path / "b.sqlite") as model,
            pytest.raises(ConfigError, match=r"answered 404: Not Found; no Batch API here") as caught,
        ):
            asyncio.run(model.generate(chats(2), WARM))
    assert "\n" not in str(caught.value)
    assert endpoint.url in str(caught.value)


def test_the_key_goes_along_and_is_in_no_message_or_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ask: Callable[..., list[Reply]]
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    said_lines: list[str] = []
    with (
        serving_batches(echo, ending=lambda _: Ending("failed", error=("x", f"bad key {KEY}"))) as server,
        open_batched("openai:tiny", server.endpoint.url, tmp_path / "b.sqlite", said_lines.append) as model,
        pytest.raises(BackendError) as caught,
    ):
        asyncio.run(model.generate(chats(1), WARM))
    assert "OPENAI_API_KEY" in str(caught.value)
    for status in (400, 401, 404, 500):
        refusing = lambda *_, status=status: error(status, f"no {KEY}")  # noqa: E731
        with serving(echo) as endpoint:
            endpoint.other = refusing
            with (
                open_batched("openai:tiny", endpoint.url, tmp_path / "b.sqlite", said_lines.append) as model,
                pytest.raises((BackendError, ConfigError)) as refused,
            ):
                asyncio.run(model.generate(chats(1), WARM))
        assert "no OPENAI_API_KEY" in str(refused.value)
        assert KEY not in str(refused.value)
    assert server.keys == {f"Bearer {KEY}"}
    assert KEY not in str(caught.value) + "".join(said_lines)
    assert all(KEY.encode() not in file.read_bytes() for file in tmp_path.iterdir())


# ------------------------------------------------------------------------------------------------------------ cut off


def test_a_run_that_ended_early_finds_its_batch_and_pays_nothing_twice(
    ask: Callable[..., list[Reply]],
) -> None:
    with serving_batches(echo) as server:
        with pytest.raises(KeyboardInterrupt):
            ask(server, chats(20), keep=False)
        assert [one.text for one in ask(server, chats(20))] == said(20)
        assert len(server.made) == 1
        assert [one.text for one in ask(server, chats(20))] == said(20)  # kept then, and forgotten
        assert len(server.made) == 2
        found = ask(server, chats(30))
    assert [one.text for one in found] == said(30)


def test_more_requests_than_before_are_a_batch_beside_the_one_that_is_found(
    ask: Callable[..., list[Reply]],
) -> None:
    with serving_batches(echo) as server:
        with pytest.raises(KeyboardInterrupt):
            ask(server, chats(20), keep=False)
        assert [one.text for one in ask(server, chats(25))] == said(25)
        assert len(server.made) == 2
        assert max(server.times_asked().values()) == 1


def test_a_batch_whose_making_was_not_confirmed_is_found_by_its_tag(ask: Callable[..., list[Reply]]) -> None:
    with serving_batches(echo, lose_answers=1) as server:
        assert [one.text for one in ask(server, chats(20))] == said(20)
        assert len(server.made) == 1


@pytest.mark.parametrize("when", ["before the upload", "before it is made", "before it is confirmed"])
def test_a_kill_at_any_step_of_sending(
    when: str, ask: Callable[..., list[Reply]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next run finds what was made, and sends what was not."""

    place = {"before the upload": ("upload", False), "before it is made": ("create", False), "before it is confirmed": ("create", True)}[when]  # fmt: skip
    plain = getattr(batch_server.BatchServer, place[0])

    async def cut_off(*arguments: Any) -> str:
        if place[1]:
            await plain(*arguments)
        raise KeyboardInterrupt

    with serving_batches(echo) as server:
        server.made += [
            {"id": f"other_{number}", "created_at": 2**40 - number} for number in range(5)
        ]  # the list has pages
        monkeypatch.setattr(batch_server.BatchServer, place[0], cut_off)
        with pytest.raises(KeyboardInterrupt):
            ask(server, chats(20))
        monkeypatch.setattr(batch_server.BatchServer, place[0], plain)
        monkeypatch.setattr(batch, "CONFIRM_S", 0.05)
        assert [one.text for one in ask(server, chats(20))] == said(20)
        assert len(server.made) == 5 + 1
        assert len(server.lines) == 20


def test_a_batch_that_the_server_has_forgotten_is_asked_again(ask: Callable[..., list[Reply]]) -> None:
    with serving_batches(echo) as server:
        with pytest.raises(KeyboardInterrupt):
            ask(server, chats(5), keep=False)
        server.made[0]["id"] = "batch_of_others"
        assert [one.text for one in ask(server, chats(5))] == said(5)
        assert len(server.made) == 2


# ------------------------------------------------------------------------------------------------------------ paid for


def run_once(
    url: str, folder: Path, count: int, cap: int = 10**6, book: Path | None = None
) -> tuple[int, int]:
    """Ask for so many replies behind cache and budget; returns what was spent, and what is in doubt."""
    cache = ReplyCache(folder / "replies.sqlite")
    ledger = BatchLedger(folder / "spent.sqlite", Budget(requests=cap))

    async def work(model: BatchModel) -> list[str]:
        async with PaidModel(model, cache, ledger) as paid:
            found = await asyncio.gather(*(paid.generate([one], WARM) for one in chats(count)))
            return [one.text for [one] in found]

    with open_batched("openai:tiny", url, book or book_beside(cache.path)) as model:
        assert asyncio.run(work(model)) == said(count)
    return ledger.spent().requests, ledger.in_doubt().requests


def test_killed_while_its_batch_is_under_way_a_run_goes_on_and_pays_once(tmp_path: Path) -> None:
    """Within a budget that has room for each request once."""
    held = threading.Event()
    with serving_batches(echo, held=held) as server:
        process = FORK.Process(target=run_once, args=(server.endpoint.url, tmp_path, 100, 100))
        process.start()
        while not (server.made and server.made[0]["seen"]) and process.is_alive():
            time.sleep(0.01)
        assert process.is_alive()
        process.kill()
        process.join()
        held.set()
        assert run_once(server.endpoint.url, tmp_path, 100, 100) == (100, 0)
        assert run_once(server.endpoint.url, tmp_path, 100, 100) == (100, 0)
        assert [len(server.made), server.uploads, len(server.lines)] == [1, 1, 100]


def test_what_a_single_request_has_paid_for_no_batch_pays_again(tmp_path: Path) -> None:
    async def work(model: Model, cache: ReplyCache) -> list[str]:
        async with PaidModel(model, cache, BatchLedger(tmp_path / "spent.sqlite")) as paid:
            return [one.text for one in await paid.generate(chats(10), WARM)]

    cache = ReplyCache(tmp_path / "replies.sqlite")
    with serving_batches(echo) as server:
        assert asyncio.run(work(open_model("openai:tiny", server.endpoint.url), cache)) == said(10)
        with open_batched("openai:tiny", server.endpoint.url, book_beside(cache.path)) as model:
            assert asyncio.run(work(model, cache)) == said(10)
    assert server.made == []
    assert len(server.endpoint.asked) == 10
    assert book_beside(cache.path) == tmp_path / "replies.batches.sqlite"


def test_a_budget_holds_for_what_is_collected(tmp_path: Path) -> None:
    async def work(model: BatchModel, cache: ReplyCache, ledger: BatchLedger) -> list[Any]:
        async with PaidModel(model, cache, ledger) as paid:
            asked = (paid.generate([one], WARM) for one in chats(10))
            return await asyncio.gather(*asked, return_exceptions=True)

    ledger = BatchLedger(tmp_path / "spent.sqlite", Budget(requests=6))
    cache = ReplyCache(tmp_path / "replies.sqlite")
    with serving_batches(echo) as server, open_batched("openai:tiny", server.endpoint.url, book_beside(cache.path)) as model:  # fmt: skip
        found = asyncio.run(work(model, cache, ledger))
    assert sum(isinstance(one, list) for one in found) == 6
    assert len(server.lines) == 6
    assert ledger.spent().requests == 6
    assert ledger.in_flight().requests == 0


def test_two_runs_at_once_share_their_batches(tmp_path: Path) -> None:
    held = threading.Event()
    with serving_batches(echo, held=held) as server:
        book = tmp_path / "book.sqlite"
        other = FORK.Process(target=run_once, args=(server.endpoint.url, tmp_path / "first", 50, 50, book))
        other.start()
        while not (server.made and server.made[0]["seen"]) and other.is_alive():
            time.sleep(0.01)
        threading.Thread(target=lambda: (wait_for(lambda: len(server.lines) == 60), held.set())).start()
        assert run_once(server.endpoint.url, tmp_path / "second", 60, book=book) == (60, 0)
        other.join()
        assert other.exitcode == 0
        assert len(server.lines) == 60
        assert max(server.times_asked().values()) == 1
