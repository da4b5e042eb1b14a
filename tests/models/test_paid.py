"""PaidModel: paid once, within the budget, whatever fails, is cancelled or killed on the way."""

import asyncio
import contextlib
import gc
import multiprocessing
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

import codewright.models.paid as paid_module
from codewright.core.errors import BackendError, ConfigError
from codewright.core.records import Message
from codewright.core.rng import stable_hash
from codewright.models.backends.scripted import ScriptedModel
from codewright.models.budget import Budget, BudgetSpent, Ledger, Prices, Usage, most_usage
from codewright.models.model import DescribedModel, Model, Reply, Sampling, ServedModel, open_model
from codewright.models.paid import PaidModel
from codewright.models.reply_cache import ReplyCache
from tests.models.endpoint import Asked, Said, all_at_once, error, reply, serving

FORK = multiprocessing.get_context("fork")
WARM = Sampling(max_tokens=50, temperature=1.0, seed=3)


class Server:
    """A served model: replies take several turns of the loop, their text tells prompt and seed, their length is drawn."""

    def __init__(self, concurrency: int = 64, turns: int = 5, fail: Callable[[str], BaseException | None] = lambda _: None) -> None:  # fmt: skip
        self.concurrency = concurrency
        self.sent: list[str] = []
        self.seeds: list[int] = []
        self.charged: list[int] = []
        self.in_flight = self.most_in_flight = 0
        self.gate: asyncio.Event | None = None
        self._turns = turns
        self._fail = fail

    def describe(self) -> dict[str, Any]:
        return {"model": "openai:test"}

    async def generate(self, chats: Sequence[Sequence[Message]], sampling: Sampling) -> list[Reply]:
        return [await self._reply("/".join(turn.content for turn in chat), sampling) for chat in chats]

    async def complete(self, texts: Sequence[str], sampling: Sampling) -> list[Reply]:
        return [await self._reply(text, sampling) for text in texts]

    async def _reply(self, prompt: str, sampling: Sampling) -> Reply:
        self.sent.append(prompt)
        self.seeds.append(sampling.seed)
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            rng = random.Random(stable_hash(prompt, sampling.seed))
            for _ in range(rng.randint(1, self._turns)):
                await asyncio.sleep(0)
            if self.gate is not None:
                await self.gate.wait()
            if (error := self._fail(prompt)) is not None:
                raise error
            length = rng.randint(1, sampling.max_tokens)
            self.charged.append(len(prompt.encode()) + length)
            return Reply(f"{prompt} {sampling.seed}", "stop", len(prompt.encode()), length)
        finally:
            self.in_flight -= 1


class Batched:
    """A local model, which draws repetitions apart by their place in a call, as `backends.hf` does."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []

    def describe(self) -> dict[str, Any]:
        return {"model": "hf:test", "weights": "abc"}

    async def generate(self, chats: Sequence[Sequence[Message]], sampling: Sampling) -> list[Reply]:
        return await self.complete([chat[-1].content for chat in chats], sampling)

    async def complete(self, texts: Sequence[str], sampling: Sampling) -> list[Reply]:
        self.calls.append(list(texts))
        await asyncio.sleep(0)
        so_far: Counter[str] = Counter()
        replies = []
        for text in texts:
            drawn = stable_hash(sampling.seed, so_far[text], text)
            so_far[text] += 1
            replies.append(Reply(f"{text} {drawn}", "stop", 5, 5))
        return replies


@pytest.fixture
def paid(tmp_path: Path) -> Callable[..., PaidModel]:
    """Wrap a model with the cache and ledger of this test."""

    def wrap(model: Model, budget: Budget | None = None, prices: Prices | None = None) -> PaidModel:
        cache = ReplyCache(tmp_path / "replies.sqlite")
        return PaidModel(model, cache, Ledger(tmp_path / "ledger.sqlite", budget, prices))

    return wrap


def chat(text: str) -> list[Message]:
    return [Message("system", "be brief"), Message("user", text)]


def test_it_is_the_kind_of_model_it_wraps(paid: Callable[..., PaidModel]) -> None:
    served, local = paid(Server(7)), paid(Batched())
    assert isinstance(served, Model)
    assert isinstance(served, DescribedModel)
    assert isinstance(served, ServedModel)
    assert served.concurrency == 7
    assert not isinstance(local, ServedModel)
    assert local.describe() == {"model": "hf:test", "weights": "abc"}


@pytest.mark.parametrize("make", [Server, Batched])
def test_a_second_time_costs_nothing_and_is_the_same(paid: Callable[..., PaidModel], make: Any) -> None:
    prompts = [chat(str(number)) for number in range(20)]
    first = paid(make(), prices=Prices(1.0, 2.0))
    replies = asyncio.run(first.generate(prompts, WARM))
    again = paid(make(), Budget(requests=0), Prices(1.0, 2.0))
    assert asyncio.run(again.generate(list(reversed(prompts)), WARM)) == list(reversed(replies))
    assert (first.counts.sent, first.counts.hits) == (20, 0)
    assert (again.counts.sent, again.counts.hits, again.counts.tokens_out, again.counts.money) == (
        0,
        20,
        0,
        0.0,
    )
    used = Usage(20, sum(r.prompt_tokens for r in replies), sum(r.completion_tokens for r in replies))
    money = (used.tokens_in + 2 * used.tokens_out) / 1e6
    assert (first.counts.tokens_in, first.counts.tokens_out) == (used.tokens_in, used.tokens_out)
    assert first.counts.money == pytest.approx(money)
    spent = again._ledger.spent()
    assert (spent.requests, spent.tokens, spent.money) == (20, used.tokens, pytest.approx(money))


def test_chats_texts_and_sampling_are_told_apart(paid: Callable[..., PaidModel]) -> None:
    server = Server()
    model = paid(server)

    async def ask() -> None:
        await model.complete(["a"], WARM)
        await model.generate([[Message("user", "a")]], WARM)
        await model.generate([[Message("system", "a")]], WARM)
        await model.complete(["a"], Sampling())
        await model.complete([], WARM)

    asyncio.run(ask())
    assert server.sent == ["a"] * 4
    assert model.counts.hits == 0


def test_only_the_rest_is_sent(paid: Callable[..., PaidModel]) -> None:
    server = Server(3)
    model = paid(server)
    asyncio.run(model.complete(["b", "d"], WARM))
    replies = asyncio.run(model.complete(["a", "b", "c", "d", "e"], WARM))
    assert sorted(server.sent) == ["a", "b", "c", "d", "e"]
    assert [reply.text[0] for reply in replies] == ["a", "b", "c", "d", "e"]
    assert (model.counts.asked, model.counts.hits, model.counts.sent) == (7, 2, 5)
    batched = Batched()
    local = paid(batched)
    asyncio.run(local.complete(["b", "d"], WARM))
    asyncio.run(local.complete(["a", "b", "c", "d", "e"], WARM))
    assert batched.calls == [["b", "d"], ["a", "c", "e"]]


def test_a_server_gets_as_many_at_once_as_it_takes(paid: Callable[..., PaidModel]) -> None:
    server = Server(4)
    asyncio.run(paid(server).complete([str(number) for number in range(40)], WARM))
    assert server.most_in_flight == 4


def test_each_repetition_is_drawn_and_paid_on_its_own(paid: Callable[..., PaidModel]) -> None:
    server = Server()
    model = paid(server)
    first = asyncio.run(model.complete(["a", "b", "a"], WARM))
    assert server.seeds.count(WARM.seed) == 2  # the first ones as without a cache
    assert first[0].text != first[2].text
    more = asyncio.run(model.complete(["a", "a", "a", "a"], WARM))
    assert more[:2] == [first[0], first[2]]
    assert len({reply.text for reply in more}) == 4
    assert Counter(server.sent) == {"a": 4, "b": 1}
    assert asyncio.run(model.complete(["a"], WARM)) == [first[0]]


def test_a_local_model_answers_as_without_a_cache_whatever_is_kept(paid: Callable[..., PaidModel]) -> None:
    batched = Batched()
    model = paid(batched)
    for prompts in (["a", "b"], ["b", "a", "c", "a"], ["a", "a", "a", "b", "b"]):
        plain = asyncio.run(Batched().complete(prompts, WARM))
        assert asyncio.run(model.complete(prompts, WARM)) == plain
    assert batched.calls == [["a", "b"], ["c", "a", "a"], ["a", "a", "a", "b", "b"]]
    assert model.counts.sent == 2 + 2 + 2
    assert model._ledger.spent().requests == 2 + 3 + 5


def test_equal_requests_under_way_are_sent_once(paid: Callable[..., PaidModel]) -> None:
    server = Server()
    model = paid(server)

    async def ask() -> list[list[Reply]]:
        return await asyncio.gather(*(model.complete(["a", "a", str(number)], WARM) for number in range(5)))

    answers = asyncio.run(ask())
    assert Counter(server.sent) == {"a": 2, **{str(number): 1 for number in range(5)}}
    assert len({(one.text, two.text) for one, two, _ in answers}) == 1
    counts = model.counts
    assert (counts.asked, counts.sent, counts.joined, counts.hits) == (15, 7, 8, 0)


def test_refusals_and_length_stops_are_kept_and_errors_are_not(paid: Callable[..., PaidModel]) -> None:
    def script(prompt: str, _: Sampling) -> str | Reply:
        return Reply("", "refusal", 3, 0) if prompt == "bad" else Reply("so lo", "length", 3, 2)

    model = paid(ScriptedModel(script))
    for _ in range(2):
        replies = asyncio.run(model.complete(["bad", "long"], WARM))
        assert [reply.finish_reason for reply in replies] == ["refusal", "length"]
    counts = model.counts
    assert (counts.sent, counts.hits, counts.refusals, counts.length_stops) == (2, 2, 2, 2)

    errors = iter([BackendError("away"), ConfigError("no such model")])
    server = Server(fail=lambda _: next(errors, None))
    model = paid(server)
    with pytest.raises(BackendError, match="away"):
        asyncio.run(model.complete(["x"], WARM))
    with pytest.raises(ConfigError, match="no such model"):
        asyncio.run(model.complete(["x"], WARM))
    assert asyncio.run(model.complete(["x"], WARM))[0].text == "x 3"
    assert (model.counts.sent, model.counts.failed, model.counts.hits) == (3, 2, 0)
    spent = model._ledger.spent()
    assert (spent.failed, spent.requests) == (2, 2 + 3)
    assert model._ledger.in_doubt() == Usage()


def test_after_a_failure_nothing_new_is_sent_and_what_was_is_kept(paid: Callable[..., PaidModel]) -> None:
    server = Server(4, fail=lambda prompt: BackendError("away") if prompt == "2" else None)
    model = paid(server)
    prompts = [str(number) for number in range(50)]
    with pytest.raises(BackendError):
        asyncio.run(model.complete(prompts, WARM))
    counts = model.counts
    assert len(server.sent) < 30
    assert counts.asked == 50 == counts.sent + counts.unsent
    assert sum(total.replies for total in model._cache.summary()) == counts.sent - 1
    before = set(server.sent) - {"2"}
    healthy = Server(4)
    asyncio.run(paid(healthy).complete(prompts, WARM))
    assert set(healthy.sent) == set(prompts) - before


def test_a_caller_that_leaves_takes_along_only_what_is_not_sent(paid: Callable[..., PaidModel]) -> None:
    server = Server(2)
    model = paid(server)

    async def story() -> list[Reply]:
        server.gate = asyncio.Event()
        first = asyncio.create_task(model.complete(["a", "b", "c", "d"], WARM))
        second = asyncio.create_task(model.complete(["c"], WARM))
        while server.in_flight < 2:
            await asyncio.sleep(0)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        server.gate.set()
        [reply] = await second
        await model.drain()
        return await model.complete(["a", "b"], WARM) + [reply]

    replies = asyncio.run(story())
    assert [reply.text for reply in replies] == ["a 3", "b 3", "c 3"]
    assert sorted(server.sent) == ["a", "b", "c"]  # paid and kept, though nobody waited for a and b
    counts = model.counts
    assert (counts.asked, counts.sent, counts.joined, counts.hits, counts.unsent) == (7, 3, 1, 2, 1)


def test_what_is_cancelled_in_flight_counts_as_its_most(paid: Callable[..., PaidModel]) -> None:
    server = Server(2)
    model = paid(server)

    async def story() -> None:
        server.gate = asyncio.Event()
        asking = asyncio.create_task(model.complete(["a", "b", "c"], WARM))
        while server.in_flight < 2:
            await asyncio.sleep(0)
        await model.drain(timeout_s=0)
        with pytest.raises(asyncio.CancelledError):
            await asking

    asyncio.run(story())
    most = most_usage("a", WARM)
    doubt = model._ledger.in_doubt()
    assert (doubt.requests, doubt.tokens) == (2, 2 * most.tokens)
    assert (model.counts.sent, model.counts.failed, model.counts.unsent) == (2, 2, 1)
    asyncio.run(paid(Server()).complete(["a", "b", "c"], WARM))


@pytest.mark.parametrize("cap", ["requests", "tokens", "money"])
@pytest.mark.parametrize("seed", range(3))
def test_64_in_flight_never_overrun_a_cap_and_use_it_up(
    paid: Callable[..., PaidModel], cap: str, seed: int
) -> None:
    rng = random.Random(f"{cap} {seed}")
    server = Server(64, turns=20)
    prices = Prices(1.5, 6.0)
    prompts = ["x" * rng.randint(1, 100) + str(number) for number in range(400)]
    sampling = Sampling(max_tokens=400, temperature=1.0)
    limit: Any = {"requests": rng.randint(70, 200), "tokens": rng.randint(30_000, 50_000), "money": rng.uniform(0.15, 0.25)}[cap]  # fmt: skip
    model = paid(server, Budget(**{cap: limit}), prices)
    with pytest.raises(BudgetSpent, match=f"raise `{cap}`"):
        asyncio.run(model.complete(prompts, sampling))
    spent = model._ledger.spent()
    assert server.most_in_flight == 64
    assert spent.requests == len(server.sent) == len(server.charged)
    assert spent.tokens == sum(server.charged)
    assert getattr(spent, cap) <= limit  # settled: all that was in flight is in
    most = most_usage("x" * 104, sampling)
    room = {"requests": 1, "tokens": most.tokens, "money": prices.money(most.tokens_in, most.tokens_out)}
    assert getattr(spent, cap) > limit - room[cap]
    assert model._ledger.in_doubt() == Usage()
    kept = sum(total.replies for total in model._cache.summary())
    assert kept == len(server.sent)
    assert model.counts.asked == 400 == model.counts.sent + model.counts.unsent


def test_at_no_moment_may_what_is_in_flight_overrun(paid: Callable[..., PaidModel]) -> None:
    """Whatever lengths the server chooses, even all at their most, the cap holds: the reservations say so."""
    model = paid(Server(64, turns=30), Budget(tokens=20_000))
    worst: list[int] = []

    async def watch() -> None:
        while True:
            await asyncio.sleep(0)
            worst.append((model._ledger.spent() + model._ledger.in_flight()).tokens)

    async def story() -> None:
        watching = asyncio.create_task(watch())
        with pytest.raises(BudgetSpent):
            await model.complete([f"prompt {number}" for number in range(300)], Sampling(max_tokens=300))
        watching.cancel()

    asyncio.run(story())
    assert len(worst) > 50
    assert 19_000 < max(worst) <= 20_000


def test_a_spent_budget_is_raised_and_the_run_goes_on_from_there(paid: Callable[..., PaidModel]) -> None:
    prompts = [str(number) for number in range(60)]
    sent: list[str] = []
    for cap in (25, 50, 75):
        server = Server(8)
        try:
            replies = asyncio.run(paid(server, Budget(requests=cap)).complete(prompts, WARM))
        except BudgetSpent:
            replies = []
        sent += server.sent
        assert len(sent) == min(cap, 60)
    assert [reply.text for reply in replies] == [f"{prompt} 3" for prompt in prompts]
    assert sorted(sent, key=int) == prompts


def test_callers_one_by_one_end_cleanly_on_a_spent_budget(
    paid: Callable[..., PaidModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paid_module, "DRAIN_S", 0.0)  # that is for failures, which this is not
    server = Server(8, turns=50)
    model = paid(server, Budget(requests=30))

    async def story() -> None:
        async with model, asyncio.TaskGroup() as group:
            for number in range(60):
                group.create_task(model.complete([str(number)], WARM))

    with pytest.raises(ExceptionGroup) as caught:
        asyncio.run(story())
    assert all(isinstance(error, BudgetSpent) for error in caught.value.exceptions)
    assert len(server.charged) == len(server.sent) == 30
    assert sum(total.replies for total in model._cache.summary()) == 30
    assert (model._ledger.spent().requests, model._ledger.in_doubt()) == (30, Usage())
    assert model.counts.asked == 60 == model.counts.sent + model.counts.unsent


@pytest.mark.parametrize("fails", [False, True])
def test_garbage_is_looked_for_as_before_when_the_block_ends(
    paid: Callable[..., PaidModel], fails: bool
) -> None:
    server = Server(fail=lambda _: BackendError("away") if fails else None)
    model = paid(server)
    before = gc.get_threshold()

    async def story() -> None:
        async with model:
            assert gc.get_threshold() == (paid_module.COLLECT_EVERY, *before[1:])
            await model.complete(["a"], WARM)

    with pytest.raises(BackendError) if fails else contextlib.nullcontext():
        asyncio.run(story())
    assert gc.get_threshold() == before


def test_a_batch_that_does_not_fit_is_not_sent(paid: Callable[..., PaidModel]) -> None:
    batched = Batched()
    model = paid(batched, Budget(requests=3))
    with pytest.raises(BudgetSpent, match="cap of 3 requests"):
        asyncio.run(model.complete(["a", "b", "c", "d"], WARM))
    assert batched.calls == []
    assert model.counts.unsent == 4


def test_a_server_that_takes_more_than_was_reserved_is_counted_so(paid: Callable[..., PaidModel]) -> None:
    model = paid(ScriptedModel(lambda *_: Reply("long", "stop", 10, 500)), Budget(tokens=100))
    asyncio.run(model.complete(["a"], WARM))
    assert model._ledger.spent().tokens == 510
    with pytest.raises(BudgetSpent, match="spent 510 tokens"):
        asyncio.run(model.complete(["b"], WARM))


def test_a_model_that_answers_too_little_holds_nothing_back(paid: Callable[..., PaidModel]) -> None:
    class Short(Batched):
        async def complete(self, texts: Sequence[str], sampling: Sampling) -> list[Reply]:
            return (await super().complete(texts, sampling))[1:]

    model = paid(Short())
    with pytest.raises(ValueError, match="zip"):
        asyncio.run(model.complete(["a", "b"], WARM))
    assert model._ledger.in_flight() == Usage()
    assert model._cache.summary() == []


def test_a_real_client_sends_nothing_twice(
    paid: Callable[..., PaidModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    chats = [chat(f"say {number}") for number in range(12)] + [chat("say 0")]

    def behave(asked: Asked) -> Said:
        if asked.prompt == "say no":
            return error(401, "who are you?")
        return reply(
            asked, f"{asked.prompt} {asked.body['seed']}", "length" if "5" in asked.prompt else "stop"
        )

    with serving(all_at_once(4, behave)) as endpoint:
        model = paid(open_model("openai:tiny", endpoint.url, 4))
        replies = asyncio.run(model.generate(chats, WARM))
        again = paid(open_model("openai:tiny", endpoint.url, 4), Budget(requests=13))
        assert asyncio.run(again.generate(chats, WARM)) == replies
        assert len(endpoint.asked) == 13
        with pytest.raises(BudgetSpent):
            asyncio.run(again.generate([chat("say more")], WARM))
        with pytest.raises(ConfigError, match="who are you"):
            asyncio.run(model.generate([chat("say no")], WARM))
    assert replies[0].text != replies[12].text  # two samples of one prompt
    assert (again.counts.hits, again.counts.length_stops) == (13, 1)
    assert model._ledger.spent().tokens == sum(one.prompt_tokens + one.completion_tokens for one in replies)


class Telling(Server):
    """Writes down every prompt that it was sent, where a kill loses nothing; replies take real time."""

    def __init__(self, log: Path) -> None:
        super().__init__(16)
        self._log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    async def _reply(self, prompt: str, sampling: Sampling) -> Reply:
        os.write(self._log, f"{prompt}\n".encode())
        await asyncio.sleep(random.Random(prompt).uniform(0, 0.02))
        return await super()._reply(prompt, sampling)


PROMPTS = [f"prompt {number}" for number in range(150)]


def work(folder: Path) -> None:
    """One run over all prompts, asked one by one as methods do."""
    model = PaidModel(Telling(folder / "log"), ReplyCache(folder / "r.sqlite"), Ledger(folder / "l.sqlite"))

    async def ask() -> None:
        await asyncio.gather(*(model.complete([prompt], WARM) for prompt in PROMPTS))

    asyncio.run(ask())


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def test_what_is_killed_and_resumed_pays_only_what_was_in_flight(tmp_path: Path) -> None:
    log, lost, kept, before = tmp_path / "log", Counter[str](), set[str](), 0
    for kills, kill_at in enumerate((1, 20, 45, 30, 1000), 1):
        child = FORK.Process(target=work, args=(tmp_path,))
        child.start()
        while len(lines(log)) < before + kill_at and child.is_alive():
            time.sleep(0.001)
        assert child.pid is not None
        if kill_at < 1000:
            os.kill(child.pid, signal.SIGKILL)
        child.join()
        assert child.exitcode == (-signal.SIGKILL if kill_at < 1000 else 0)
        sent = Counter(lines(log)[before:])
        assert set(sent.values()) <= {1}
        assert not kept & set(sent)  # what is kept is never sent again
        kept = {row["request"]["text"] for row in ReplyCache(tmp_path / "r.sqlite").export()}
        in_flight = set(sent) - kept
        assert len(in_flight) <= 16
        lost.update(in_flight)
        before += sent.total()
        ledger = Ledger(tmp_path / "l.sqlite")
        spent, doubt = ledger.spent().requests, ledger.in_doubt().requests
        # A kill may fall between reserving and sending, or between keeping and settling: of what has a place in flight only.
        assert before <= spent + doubt <= before + 16 * kills
        assert spent <= len(kept) <= spent + 16 * kills
    assert kept == set(PROMPTS)
    assert Counter(lines(log)) == Counter(PROMPTS) + lost
    assert lost.total() > 4


def test_counts_are_plain_numbers(paid: Callable[..., PaidModel]) -> None:
    model = paid(Server())
    asyncio.run(model.complete(["a"], WARM))
    assert asdict(model.counts)["sent"] == 1
    assert all(isinstance(value, int | float) for value in asdict(model.counts).values())
