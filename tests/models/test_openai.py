"""The backend for OpenAI-compatible servers, against a small server that answers well, badly, late or not at all."""

import asyncio
import socket
import traceback
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from tenacity import wait_none

from codewright.core.errors import BackendError, CodewrightError, ConfigError
from codewright.core.records import Message
from codewright.models import retrying
from codewright.models.backends import openai as backend
from codewright.models.model import DescribedModel, Model, Reply, Sampling, ServedModel, open_model
from tests.models.endpoint import Asked, Behaviour, Endpoint, Said, all_at_once, error, reply, serving

KEY = "sk-very-secret-0123456789"
DEFAULT = Sampling()
HI = [[Message("system", "Be short."), Message("user", "say hi")]]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """No pauses between attempts but those that a server asks for; no key and no address from outside."""
    monkeypatch.setattr(retrying, "_BACKOFF", wait_none())
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_CUSTOM_HEADERS"):
        monkeypatch.delenv(name, raising=False)


def ask(endpoint: Endpoint, sampling: Sampling = DEFAULT, chats: Any = HI, name: str = "tiny") -> list[Reply]:
    return asyncio.run(open_model(f"openai:{name}", endpoint.url).generate(chats, sampling))


def fails(kind: type[CodewrightError], behaviour: Behaviour, **options: Any) -> tuple[str, Endpoint]:
    """Ask a server with this behaviour, return the error's one line."""
    with serving(behaviour) as endpoint, pytest.raises(kind) as caught:
        ask(endpoint, **options)
    assert "\n" not in str(caught.value)
    assert endpoint.url in str(caught.value)
    return str(caught.value), endpoint


def answer_always(said: Said, _: Asked) -> Said:
    return said


def first(count: int, then: Said, later: Callable[[Asked], Said]) -> Behaviour:
    """Answer the first requests with `then`."""
    return lambda asked: then if asked.number < count else later(asked)


def test_it_is_a_served_model_that_says_which() -> None:
    model = open_model("openai:llama3:8b", "https://user:pass@example.org/v1?key=abc", 5)
    assert isinstance(model, Model)
    assert isinstance(model, ServedModel)
    assert model.concurrency == 5
    assert isinstance(model, DescribedModel)
    assert model.describe() == {"model": "openai:llama3:8b", "base_url": "https://example.org/v1"}


def test_a_chat_goes_out_as_it_is_and_comes_back_in_order() -> None:
    chats = [[Message("user", f"say {number}")] for number in range(40)]
    with serving(lambda asked: reply(asked, f"{asked.prompt}!")) as endpoint:
        replies = ask(endpoint, Sampling(max_tokens=9), HI + chats)
    assert [one.text for one in replies] == ["say hi!", *(f"say {number}!" for number in range(40))]
    assert replies[0] == Reply("say hi!", "stop", 2, 2)
    asked = min(endpoint.asked, key=lambda one: len(str(one.body["messages"][0])))
    [sent] = [one for one in endpoint.asked if one.prompt == "say hi"]
    assert sent.path == "/v1/chat/completions"
    assert sent.body == {
        "model": "tiny",
        "messages": [{"role": "system", "content": "Be short."}, {"role": "user", "content": "say hi"}],
        "max_tokens": 9,
        "temperature": 0.0,
    }
    assert "authorization" not in asked.headers  # a local server needs no key


def test_texts_are_continued_with_stops_and_settings() -> None:
    stops = ("\nclass", "\ndef", "\n#", "\nif", "\nprint")
    with serving(lambda asked: reply(asked, " 1\nprint(2)", "length")) as endpoint:
        model = open_model("openai:tiny", endpoint.url)
        [got] = asyncio.run(model.complete(["x ="], Sampling(9, temperature=0.7, top_p=0.9, stop=stops)))
    assert got == Reply(" 1", "stop", 2, 2)
    [sent] = endpoint.asked
    assert sent.path == "/v1/completions"
    assert sent.body["stop"] == list(stops[:4])
    assert (sent.body["prompt"], sent.body["temperature"], sent.body["top_p"]) == ("x =", 0.7, 0.9)


def test_each_repetition_has_a_seed_of_its_own_and_the_same_again() -> None:
    def seeds(seed: int) -> list[int]:
        with serving(lambda asked: reply(asked, "a")) as endpoint:
            ask(endpoint, Sampling(temperature=1.0, seed=seed), HI * 3 + [[Message("user", "else")]])
        return sorted(one.body["seed"] for one in endpoint.asked)

    assert len(set(seeds(1))) == 4
    assert seeds(1) == seeds(1)
    assert seeds(1) != seeds(2)
    assert all(0 <= seed < 2**31 for seed in seeds(2**64 - 1))


def test_finish_reasons_are_told_apart() -> None:
    said = {
        "a": ("stop", {}),
        "b": ("length", {}),
        "c": ("content_filter", {}),
        "d": ("stop", {"refusal": "No."}),
    }

    def behave(asked: Asked) -> Said:
        reason, message = said[asked.prompt]
        return reply(asked, "text", reason, **message)

    with serving(behave) as endpoint:
        replies = ask(endpoint, chats=[[Message("user", name)] for name in said])
    assert [one.finish_reason for one in replies] == ["stop", "length", "refusal", "refusal"]
    assert replies[3].text == "No."


def test_a_prompt_that_a_filter_refuses_is_a_refusal() -> None:
    with serving(lambda asked: error(400, "filtered", "content_filter")) as endpoint:
        assert ask(endpoint) == [Reply("", "refusal", 0, 0)]


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_names_the_variable_and_not_the_key(
    status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    line, endpoint = fails(ConfigError, lambda asked: error(status, "who are you?"))
    assert "who are you?" in line
    assert "OPENAI_API_KEY is not set" in line
    assert len(endpoint.asked) == 1
    monkeypatch.setenv("OPENAI_API_KEY", f" {KEY}\n")
    line, endpoint = fails(ConfigError, lambda asked: error(status, f"Incorrect API key provided: {KEY}"))
    assert "OPENAI_API_KEY holds no key that it takes" in line
    assert KEY not in line
    assert endpoint.asked[0].headers["authorization"] == f"Bearer {KEY}"


def test_the_key_is_in_no_message_of_any_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "x-gateway: gateway-secret")
    leaks = f"key {KEY} gateway-secret"
    for said in (error(500, leaks), error(422, leaks), error(404, leaks), Said(leaks), error(429, leaks)):
        behaviour: Behaviour = partial(answer_always, said)
        with serving(behaviour, models=(KEY,)) as endpoint, pytest.raises(CodewrightError) as caught:
            ask(endpoint)
        assert "key OPENAI_API_KEY x-gateway" in str(caught.value)
        assert KEY not in str(caught.value)
        assert (
            "".join(traceback.format_exception(caught.value)).count("Error: ") == 1
        )  # nothing behind it is shown


def test_a_missing_key_is_told_before_anything_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="set the environment variable OPENAI_API_KEY"):
        open_model("openai:gpt")
    monkeypatch.setenv("OPENAI_API_KEY", "naïve")
    with pytest.raises(ConfigError, match="odd characters") as caught:
        open_model("openai:gpt")
    assert "naïve" not in str(caught.value)


@pytest.mark.parametrize("url", ["localhost:8000/v1", "ftp://host/v1", "http://", "/v1"])
def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(ConfigError, match="is no http:// or https:// address"):
        open_model("openai:tiny", url)


def test_the_address_may_stand_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(lambda asked: reply(asked, "here")) as endpoint:
        monkeypatch.setenv("OPENAI_BASE_URL", endpoint.url + "/")
        [got] = asyncio.run(open_model("openai:tiny").generate(HI, Sampling()))
    assert got.text == "here"
    with pytest.raises(ConfigError, match="has no name"):
        open_model("openai:", endpoint.url)


def test_an_unknown_model_is_told_with_those_there_are() -> None:
    line, endpoint = fails(ConfigError, lambda asked: error(404, "no such model"), name="tinny")
    assert "it has no model 'tinny' (did you mean 'tiny'?); there are: tiny" in line
    assert len(endpoint.asked) == 1


def test_a_wrong_path_is_told_as_such() -> None:
    behaviour: Behaviour = partial(answer_always, Said("404 page not found", 404))
    with serving(behaviour, models=()) as endpoint, pytest.raises(ConfigError, match="does the base URL end"):
        ask(endpoint)


def test_a_server_without_completions_points_to_the_chat_form() -> None:
    with serving(lambda asked: Said('{"detail": "Not Found"}', 404)) as endpoint:
        model = open_model("openai:tiny", endpoint.url)
        with pytest.raises(ConfigError, match=r"ask in chat form \(--form chat\)"):
            asyncio.run(model.complete(["x ="], Sampling()))


def test_a_request_that_is_refused_is_not_repeated() -> None:
    line, endpoint = fails(ConfigError, lambda asked: error(400, "temperature must be 1"))
    assert "answered 400: temperature must be 1" in line
    assert len(endpoint.asked) == 1


PASSING = [
    error(500, "oops"),
    error(503, "loading", retry_after="0.01"),
    error(429, "slow down"),
    error(429, "slow down", retry_after="0.01"),
    error(408, "too slow"),
    Said(""),
    Said('{"choices": [{"mess'),
    Said('{"choices": [{"message": {"content": "hi"}}]}', cut=9),
    Said('{"choices": []}'),
    Said("<html>Bad Gateway</html>", 502, {"content-type": "text/html"}),
]


@pytest.mark.parametrize(
    "failure", PASSING, ids=lambda said: f"{said.status}-{said.body[:14]}-{len(said.headers)}{said.cut}"
)
def test_what_passes_is_asked_again_and_what_stays_ends_in_one_line(failure: Said) -> None:
    with serving(first(3, failure, lambda asked: reply(asked, "at last"))) as endpoint:
        model = open_model("openai:tiny", endpoint.url)
        assert [one.text for one in asyncio.run(model.generate(HI, Sampling()))] == ["at last"]
        assert model.trouble == ""
    assert len(endpoint.asked) == 4
    line, endpoint = fails(BackendError, lambda asked: failure)
    assert len(endpoint.asked) == retrying.MOST_ATTEMPTS
    assert (
        f"({retrying.MOST_ATTEMPTS} attempts); what is finished is kept: run the same command again" in line
    )


def test_a_server_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backend, "TIMEOUT_S", 0.4)
    line, endpoint = fails(BackendError, lambda asked: Said("", after_s=0.8))
    assert "no answer within 0.4 s" in line
    assert len(endpoint.asked) == retrying.MOST_TIMEOUTS
    with serving(first(1, Said("", after_s=0.8), lambda asked: reply(asked, "late"))) as endpoint:
        assert ask(endpoint)[0].text == "late"


def test_nobody_at_the_address() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
        with pytest.raises(BackendError, match=rf"Connection refused \({retrying.MOST_UNHEARD} attempts\)"):
            asyncio.run(open_model("openai:tiny", url).generate(HI, Sampling()))


def test_a_server_that_goes_away_is_waited_for() -> None:
    """Once it has answered, a refused connection counts as any failure: it may be about to come back."""
    with serving(lambda asked: reply(asked, "here")) as endpoint:
        model = open_model("openai:tiny", endpoint.url)
        asyncio.run(model.generate(HI, Sampling()))
    assert model.trouble == ""
    with pytest.raises(BackendError, match=rf"\({retrying.MOST_ATTEMPTS} attempts\)"):
        asyncio.run(model.generate(HI, Sampling()))
    assert "Connection refused" in model.trouble


def test_retry_after_is_kept_to_and_a_long_one_ends_the_run() -> None:
    with serving(
        first(1, error(429, "wait", retry_after="0.3"), lambda asked: reply(asked, "a"))
    ) as endpoint:
        ask(endpoint)
    before, after = endpoint.asked
    assert after.at - before.at >= 0.3
    line, endpoint = fails(BackendError, lambda asked: error(429, "wait", retry_after="4000"))
    assert "it asks to wait 4000 s" in line
    assert len(endpoint.asked) == 1


def test_a_used_up_quota_is_not_asked_again() -> None:
    line, endpoint = fails(BackendError, lambda asked: error(429, "no money", "insufficient_quota"))
    assert "no money" in line
    assert len(endpoint.asked) == 1


def test_headers_that_allow_nothing_more_hold_the_next_request_back() -> None:
    spent = {
        "x-ratelimit-limit-requests": "2",
        "x-ratelimit-remaining-requests": "0",
        "x-ratelimit-reset-requests": "600ms",
    }

    def behave(asked: Asked) -> Said:
        said = reply(asked, "a")
        return Said(said.body, headers=spent) if asked.number == 0 else said

    with serving(behave) as endpoint:
        model = open_model("openai:tiny", endpoint.url, concurrency=1)
        asyncio.run(model.generate(HI * 2, Sampling()))
    assert endpoint.asked[1].at - endpoint.asked[0].at >= 0.3


def test_a_storm_of_429_halves_what_is_under_way_and_loses_nothing() -> None:
    def behave(asked: Asked) -> Said:
        return (
            error(429, "too many")
            if asked.in_flight > 3
            else Said(reply(asked, asked.prompt).body, after_s=0.005)
        )

    chats = [[Message("user", str(number))] for number in range(60)]
    with serving(behave) as endpoint:
        model = open_model("openai:tiny", endpoint.url, concurrency=12)
        replies = asyncio.run(model.generate(chats, Sampling()))
    assert [one.text for one in replies] == [str(number) for number in range(60)]
    assert endpoint.most_in_flight <= 12
    late = endpoint.asked[len(endpoint.asked) // 2 :]
    assert sum(one.in_flight for one in late) / len(late) < 6


def test_concurrency_is_the_most_at_once_over_all_callers() -> None:
    async def both(model: Any) -> None:
        await asyncio.gather(model.generate(HI * 10, Sampling()), model.complete(["x"] * 10, Sampling()))

    with serving(all_at_once(4, lambda asked: reply(asked, "a"))) as endpoint:
        asyncio.run(both(open_model("openai:tiny", endpoint.url, concurrency=4)))
    assert len(endpoint.asked) == 20
    assert endpoint.most_in_flight == 4


def test_one_failure_ends_the_others() -> None:
    def behave(asked: Asked) -> Said:
        return error(401, "no") if asked.prompt == "say hi" else Said("", after_s=0.2)

    with serving(behave) as endpoint, pytest.raises(ConfigError):
        ask(endpoint, chats=[[Message("user", "wait")]] * 4 + HI)
    assert len(endpoint.asked) <= 5


TOO_LONG = error(400, "This model's maximum context length is 64 tokens")


def test_a_prompt_longer_than_the_context_gets_an_empty_reply_and_the_others_theirs() -> None:
    with serving(lambda asked: TOO_LONG if len(asked.prompt) > 50 else reply(asked, "ok")) as endpoint:
        replies = ask(endpoint, chats=[*HI, [Message("user", "x" * 100)]])
    assert replies == [Reply("ok", "stop", 2, 1), Reply("", "length", 0, 0)]


def test_too_many_new_tokens_for_the_context_is_a_setting_to_change() -> None:
    line, _ = fails(
        ConfigError, lambda asked: TOO_LONG if asked.body["max_tokens"] > 60 else reply(asked, "ok")
    )
    assert "512 new tokens do not fit" in line
    assert "--max-tokens" in line


def test_newer_models_get_the_limit_by_its_newer_name() -> None:
    def behave(asked: Asked) -> Said:
        if "max_tokens" in asked.body:
            return error(400, "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.")
        return reply(asked, str(asked.body["max_completion_tokens"]))

    with serving(behave) as endpoint:
        assert ask(endpoint, Sampling(max_tokens=77))[0].text == "77"


@pytest.fixture
def warned(
    recwarn: pytest.WarningsRecorder, caplog: pytest.LogCaptureFixture
) -> Iterator[Callable[[], list[str]]]:
    yield lambda: [str(one.message) for one in recwarn] + [one.getMessage() for one in caplog.records]


def test_connections_are_closed_with_their_event_loop(warned: Callable[[], list[str]]) -> None:
    with serving(lambda asked: reply(asked, "a")) as endpoint:
        model = open_model("openai:tiny", endpoint.url)
        for _ in range(3):
            asyncio.run(model.generate(HI, Sampling()))
        del model
    assert not [line for line in warned() if "nclosed" in line]
