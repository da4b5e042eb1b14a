"""The reply cache: keys of whole requests, many writers, SIGKILL, damage, and what can be done with what is kept."""

import asyncio
import json
import multiprocessing
import os
import random
import signal
import sqlite3
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codewright.core.errors import BackendError, ConfigError
from codewright.core.records import Message
from codewright.models import sqlite_file
from codewright.models.backends.scripted import ScriptedModel
from codewright.models.model import Reply, Sampling
from codewright.models.reply_cache import ReplyCache, Request, identify

FORK = multiprocessing.get_context("fork")
MODEL = {"model": "openai:m", "base_url": "http://one/v1"}

texts = st.text(st.characters(), max_size=30)  # lone surrogates and zeros included
prompts = texts | st.lists(st.builds(Message, texts, texts), max_size=3).map(tuple)
samplings = st.builds(
    Sampling,
    max_tokens=st.integers(0, 9999),
    temperature=st.floats(0, 2),
    top_p=st.floats(0, 1),
    seed=st.integers(-(2**70), 2**70),
    stop=st.lists(texts, max_size=2).map(tuple),
)
schemas = st.none() | st.dictionaries(texts, texts | st.integers(), max_size=2)
requests = st.builds(
    Request,
    model=st.dictionaries(texts, texts, max_size=2),
    prompt=prompts,
    sampling=samplings,
    repetition=st.integers(0, 5),
    schema=schemas,
)


def request(number: int, model: str = "m") -> Request:
    return Request({"model": model}, f"prompt {number}", Sampling())


def reply(number: int, size: int = 10) -> Reply:
    return Reply(f"{number} " * size, "stop", number, size)


def integrity(path: Path) -> str:
    with sqlite3.connect(path) as connection:
        return str(connection.execute("PRAGMA integrity_check").fetchone()[0])


@settings(deadline=None, max_examples=60)
@given(requests)
def test_equal_requests_have_equal_keys(one: Request) -> None:
    shuffled = dict(reversed(list(one.model.items())))
    sampling = Sampling(**vars(one.sampling))
    assert Request(shuffled, one.prompt, sampling, one.repetition, one.schema).key == one.key


@settings(deadline=None, max_examples=60)
@given(requests, requests)
def test_different_requests_have_different_keys(one: Request, other: Request) -> None:
    assert (one.key == other.key) == (one == other)


@settings(deadline=None, max_examples=60)
@given(requests, st.data())
def test_any_changed_field_makes_another_key(one: Request, data: st.DataObject) -> None:
    sampling = one.sampling
    changed = [
        replace(one, model={**one.model, "weights": data.draw(st.integers())}),
        replace(one, prompt=data.draw(prompts.filter(lambda new: new != one.prompt))),
        replace(one, repetition=one.repetition + 1),
        replace(one, schema={**(one.schema or {}), "type": 1.5}),
        replace(one, sampling=replace(sampling, max_tokens=sampling.max_tokens + 1)),
        replace(one, sampling=replace(sampling, temperature=sampling.temperature + 0.5)),
        replace(one, sampling=replace(sampling, top_p=sampling.top_p / 2 + 0.6)),
        replace(one, sampling=replace(sampling, seed=sampling.seed + 1)),
        replace(one, sampling=replace(sampling, stop=(*sampling.stop, "x"))),
    ]
    keys = {item.key for item in changed if item != one}
    assert one.key not in keys
    assert len(keys) == len([item for item in changed if item != one])


def test_one_temperature_written_in_two_ways_is_one() -> None:
    assert Request({}, "a", Sampling(temperature=0)).key == Request({}, "a", Sampling(temperature=0.0)).key
    assert Request({}, "a", Sampling()).key != Request({}, (Message("user", "a"),), Sampling()).key


def test_what_a_model_is() -> None:
    class Templated(ScriptedModel):
        def describe(self) -> dict[str, Any]:
            return {"model": "hf:x", "chat_template": {"sha256": "abc", "rendered": "Today is Monday"}}

    class Silent:
        generate = complete = ScriptedModel.complete

    assert identify(Templated(lambda prompt, _: prompt)) == {"model": "hf:x", "chat_template": "abc"}
    assert identify(Silent(), "x:y") == {"model": "x:y"}
    with pytest.raises(ValueError, match="Silent does not describe itself"):
        identify(Silent())


@settings(deadline=None, max_examples=25)
@given(st.lists(st.tuples(requests, st.builds(Reply, texts, st.sampled_from(["stop", "refusal", "length"]), st.integers(0, 2**40), st.integers(0, 2**40))), max_size=4))  # fmt: skip
def test_replies_come_back_as_they_were_and_the_first_one_stays(
    tmp_path_factory: pytest.TempPathFactory, pairs: list[tuple[Request, Reply]]
) -> None:
    path = tmp_path_factory.mktemp("cache") / "deeper" / "replies.sqlite"
    first: dict[str, Reply] = {}
    for item, answer in pairs:
        first.setdefault(item.key, answer)
    cache = ReplyCache(path)
    assert cache.put_many(pairs) == [first[item.key] for item, _ in pairs]
    assert cache.put_many([(item, Reply("other", "stop", 0, 0)) for item, _ in pairs]) == [
        first[item.key] for item, _ in pairs
    ]
    cache.close()
    again = ReplyCache(path)
    assert again.get_many([*first, "00" * 32]) == first
    rows = list(again.export())
    assert {row["key"]: Reply(**row["reply"]) for row in rows} == first
    for row in rows:
        item = next(item for item, _ in pairs if item.key == row["key"])
        assert row["request"] == json.loads(item.payload.decode("utf-8", "surrogatepass"))


def write(path: Path, start: int, stop: int, acknowledge: int | None = None, size: int = 10) -> None:
    """Write replies one by one; each that is kept is told by one byte."""
    cache = ReplyCache(path)
    for number in range(start, stop):
        cache.put(request(number), reply(number, size))
        if acknowledge is not None:
            os.write(acknowledge, b".")


def test_processes_that_make_and_fill_one_file_at_once(tmp_path: Path) -> None:
    path = tmp_path / "replies.sqlite"
    writers = [FORK.Process(target=write, args=(path, start, start + 60)) for start in (0, 30, 60, 90)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0] * 4
    kept = ReplyCache(path).get_many(request(number).key for number in range(150))
    assert kept == {request(number).key: reply(number) for number in range(150)}
    assert integrity(path) == "ok"


def test_threads_share_one_cache(tmp_path: Path) -> None:
    cache = ReplyCache(tmp_path / "replies.sqlite")

    def work(start: int) -> None:
        for number in range(start, start + 40):
            cache.put(request(number), reply(number))
            assert cache.get_many([request(start).key]) == {request(start).key: reply(start)}

    threads = [threading.Thread(target=work, args=(start,)) for start in (0, 20, 40, 60)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [total.replies for total in cache.summary()] == [100]


def test_a_forked_child_opens_the_file_anew(tmp_path: Path) -> None:
    cache = ReplyCache(tmp_path / "replies.sqlite")
    cache.put(request(0), reply(0))
    of_parent = cache._file._connection

    def work() -> None:
        cache.put(request(1), reply(1))
        assert cache._file._connection is not of_parent

    child = FORK.Process(target=work)
    child.start()
    cache.put(request(2), reply(2))
    child.join()
    assert child.exitcode == 0
    assert [total.replies for total in cache.summary()] == [3]


@pytest.mark.parametrize("kept_first", [0, 1, 2, 5, 13, 29, 60])
def test_whoever_is_killed_leaves_whole_rows(tmp_path: Path, kept_first: int) -> None:
    path = tmp_path / "replies.sqlite"
    ReplyCache(path).close()
    reader, writer = os.pipe()
    child = FORK.Process(
        target=write, args=(path, 0, 10_000, writer, 60_000)
    )  # 0.3 MB each: most kills hit a write
    child.start()
    os.close(writer)
    told = 0
    while told < kept_first and os.read(reader, 1):
        told += 1
    assert child.pid is not None
    threading.Event().wait(random.Random(kept_first).uniform(0, 0.004))
    os.kill(child.pid, signal.SIGKILL)
    child.join()
    assert child.exitcode == -signal.SIGKILL
    while more := len(os.read(reader, 4096)):
        told += more
    os.close(reader)
    cache = ReplyCache(path)
    rows = list(cache.export())
    numbers = sorted(row["reply"]["prompt_tokens"] for row in rows)
    assert told <= len(rows) <= told + 1
    assert numbers == list(range(len(rows)))
    assert all(Reply(**row["reply"]) == reply(row["reply"]["prompt_tokens"], 60_000) for row in rows)
    assert integrity(path) == "ok"
    assert cache.put(request(len(rows)), reply(7)) == reply(7)


def test_replies_of_one_call_are_kept_together_or_not_at_all(tmp_path: Path) -> None:
    cache = ReplyCache(tmp_path / "replies.sqlite")
    bad: Any = Reply("text", None, 0, 0)  # type: ignore[arg-type]
    with pytest.raises(sqlite3.IntegrityError):
        cache.put_many([(request(0), reply(0)), (request(1), bad)])
    assert cache.summary() == []


def not_sqlite(path: Path) -> None:
    path.write_bytes(b'{"prompt": "hello"}\n' * 500)


def short(path: Path) -> None:
    path.write_bytes(b"hello")


def foreign(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE replies (key TEXT)")


def newer(path: Path) -> None:
    ReplyCache(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")


def cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def without_table(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TABLE replies")


def folder(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.mkdir()


def bit_flipped_reply(path: Path) -> None:
    data = path.read_bytes()
    assert data.count(b"77 77 77") > 0
    path.write_bytes(data.replace(b"77 77 77", b"77 77 78"))


def bit_flipped_request(path: Path) -> None:
    data = path.read_bytes()
    assert data.count(b"prompt 77") > 0
    path.write_bytes(data.replace(b"prompt 77", b"prompt 78"))


def text_for_blob(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE replies SET text = 5")


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (not_sqlite, "damaged, or not a reply cache"),
        (short, "damaged, or not a reply cache"),
        (newer, "of format 99"),
        (cut_off, "damaged"),
        (without_table, "damaged"),
        (folder, "cannot be used"),
        (bit_flipped_reply, "does not fit its checksum"),
        (bit_flipped_request, "a request is not what it was"),
        (text_for_blob, "does not fit its checksum"),
    ],
)
def test_a_file_that_cannot_be_trusted_is_refused_in_one_line(tmp_path: Path, harm: Any, said: str) -> None:
    path = tmp_path / "replies.sqlite"
    cache = ReplyCache(path)
    cache.put_many([(request(number), reply(number, 300)) for number in range(100)])
    cache.close()
    harm(path)
    with pytest.raises(ConfigError, match=said) as caught:
        list(ReplyCache(path).export())
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_file_of_others_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "theirs.sqlite"
    foreign(path)
    before = path.read_bytes()
    with pytest.raises(ConfigError, match="an SQLite file of another program"):
        ReplyCache(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="its folder is a file"):
        ReplyCache(tmp_path / "file" / "replies.sqlite")


def test_a_full_disk_is_told_as_one(tmp_path: Path) -> None:
    cache = ReplyCache(tmp_path / "replies.sqlite")
    with cache._file.reading() as connection:
        connection.execute("PRAGMA max_page_count = 12")
    with pytest.raises(OSError, match="No space left on device"):
        cache.put(request(0), reply(0, 100_000))
    assert cache.summary() == []


def test_whoever_waits_too_long_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "replies.sqlite"
    monkeypatch.setattr(sqlite_file, "BUSY_S", 0.05)
    cache = ReplyCache(path)
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(BackendError, match="others have held it for too long"):
        cache.put(request(0), reply(0))
    assert cache.get_many([request(0).key]) == {}  # readers need not wait
    holder.execute("COMMIT")
    assert cache.put(request(0), reply(0)) == reply(0)
    holder.close()


def filled(path: Path) -> ReplyCache:
    """Models a and b with replies of days 1 to 4."""
    now = 0.0
    cache = ReplyCache(path, clock=lambda: now)
    for day in range(1, 5):
        now = day * 86_400.0
        cache.put(request(day, "a"), reply(day, 20_000))
        cache.put(request(day, "b"), Reply("no", "refusal", 5, 1))
    return cache


def test_what_is_kept_by_model(tmp_path: Path) -> None:
    one, other = filled(tmp_path / "replies.sqlite").summary()
    assert (one.model, one.replies, one.prompt_tokens, one.completion_tokens) == ("a", 4, 10, 80_000)
    assert (one.reply_bytes, one.first, one.last) == (4 * 40_000, 86_400.0, 4 * 86_400.0)
    assert one.request_bytes == sum(len(request(day, "a").payload) for day in range(1, 5))
    assert (other.model, other.replies, other.prompt_tokens, other.reply_bytes) == ("b", 4, 20, 8)


@pytest.mark.parametrize(
    ("chosen", "left"),
    [
        ({}, []),
        ({"model": "a"}, ["b"] * 4),
        ({"older_than_days": 1.5}, ["a", "a", "b", "b"]),
        ({"model": "a", "older_than_days": 2.5}, ["a"] * 3 + ["b"] * 4),
        ({"model": "c"}, ["a"] * 4 + ["b"] * 4),
        ({"older_than_days": 0}, ["a", "b"]),
    ],
)
def test_prune_removes_what_is_chosen_and_says_so(
    tmp_path: Path, chosen: dict[str, Any], left: list[str]
) -> None:
    cache = filled(tmp_path / "replies.sqlite")
    pruned = cache.prune(**chosen)
    assert [row["model"] for row in cache.export()] == left
    assert sum(total.replies for total in pruned.gone) == 8 - len(left)
    assert pruned.compacted
    gone_bytes = sum(total.reply_bytes for total in pruned.gone)
    assert pruned.freed_bytes >= gone_bytes * 0.9
    assert cache.size_bytes() < 8 * 40_000 - gone_bytes * 0.9
    assert integrity(cache.path) == "ok"


def test_prune_of_a_file_in_use_removes_and_leaves_the_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_file, "_COMPACT_BUSY_S", 0.05)
    cache = filled(tmp_path / "replies.sqlite")
    holder = sqlite3.connect(cache.path, isolation_level=None)

    def take(*_: object) -> None:
        holder.execute("BEGIN IMMEDIATE")

    compact = cache._file.compact
    monkeypatch.setattr(cache._file, "compact", lambda: (take(), compact()))
    assert cache.prune().compacted is False
    holder.close()
    assert cache.summary() == []


def test_prune_while_somebody_reads_shrinks_the_file_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_file, "_COMPACT_BUSY_S", 0.05)
    cache = filled(tmp_path / "replies.sqlite")
    rows = cache.export()
    next(rows)
    assert cache.prune(model="a").compacted is False
    assert len(list(rows)) == 7  # as it was when reading began
    assert cache.prune(model="a").compacted is True
    assert cache.size_bytes() < 40_000


def test_export_shows_one_moment_while_others_write(tmp_path: Path) -> None:
    cache = filled(tmp_path / "replies.sqlite")
    rows = cache.export("b")
    first = next(rows)
    cache.put(request(9, "b"), reply(9))
    assert first["made"] == "1970-01-02T00:00:00+00:00"
    assert first["reply"] == {
        "text": "no",
        "finish_reason": "refusal",
        "prompt_tokens": 5,
        "completion_tokens": 1,
    }
    assert first["request"]["text"] == "prompt 1"
    assert first["request"]["sampling"]["max_tokens"] == 512
    assert len(list(rows)) == 3


def test_a_loop_is_not_needed_to_read(tmp_path: Path) -> None:
    cache = ReplyCache(tmp_path / "replies.sqlite")

    async def put() -> Reply:
        return cache.put(request(1), reply(1))

    assert asyncio.run(put()) == reply(1)
    assert cache.get_many([request(1).key]) == {request(1).key: reply(1)}
