"""What does asking a teacher cost? Requests per second and CPU per request of clients that keep replies and ask again.

    python benchmarks/teacher.py [--requests 2000] [--rounds 3] [--against bespokelabs-curator distilabel ...]

A local server answers every chat after 50 ms; 256 requests are under way at once. Contenders, each in a process of its own, one
after the other in turn, so that a busy minute hits all of them: codewright's whole teacher (`PaidModel` with its reply cache and
its ledger on disk over the `openai:` backend, each chat asked by a caller of its own); bespokelabs-curator and distilabel with
what they do by default, caches, retries and progress; distilabel also without its log line for every request. Two yardsticks
keep nothing: the openai SDK with its aiohttp transport, used as it documents, and aiohttp alone. The peers come from PyPI into
environments below --cache.

Start-up is left out for all. Requests per second are the server's: from the first request's arrival to the last answer. CPU
seconds are those of the whole process tree, a run of 2N requests less one of N, so that what a run costs once cancels out. Every
answer is compared with the question it must belong to. Trust the ratios; seconds depend on the machine and what else it does.
"""

import argparse
import asyncio
import json
import logging
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import measuring
from measuring import CACHE, Contender, become_subreaper, peer_python, say, table, tree_seconds

AT_ONCE = 256
DELAY_S = 0.05
MOST_TOKENS = 1024
TEMPERATURE = 0.7
QUESTION_CHARS, ANSWER_CHARS = 1000, 2000
"""About what a seed of OSS-Instruct with its instructions has, and a problem with its solution."""
NO_LIMIT = 10**9
"""Requests and tokens a minute: left to itself, curator sends 200 requests a minute to a server that names no limits."""

PEERS = {
    "bespokelabs-curator": ["bespokelabs-curator==0.1.31"],
    "distilabel": ["distilabel[openai]==1.5.3", "requests"],  # it imports the latter and does not ask for it
}
"""Environment -> what pip is asked for."""
TARGETS = {"bespokelabs-curator": (2.0, 0.6), "distilabel": (8.0, 0.25)}
"""Peer -> at least so many times its requests per second, at most such a part of its CPU per request."""

Run = Callable[[str, list[str], Path], list[str]]
"""Asks the server at this address these questions; keeps what it keeps in this folder; returns the answers in their order."""


def question(number: int) -> str:
    return f"{number} " + "Write a function that does it. ".ljust(QUESTION_CHARS, "x")


def answer(asked: str) -> str:
    return f"{asked.partition(' ')[0]} " + "def f(x):\n    return x\n".ljust(ANSWER_CHARS, "y")


# --------------------------------------------------------------------------------------------------------- the server


async def serve() -> None:
    """Answer chats after DELAY_S until stdin closes; to each order say the address, and what came since the last one."""
    from aiohttp import web

    seen = {"count": 0, "first": 0.0, "last": 0.0, "most": 0}
    under_way = 0

    async def chat(request: web.Request) -> web.Response:
        nonlocal under_way
        arrived = time.monotonic()
        body = await request.json()
        if not body.get("messages"):  # curator asks so for the limits
            return web.json_response({"error": {"message": "no messages"}}, status=400)
        under_way += 1
        await asyncio.sleep(DELAY_S)
        under_way -= 1
        seen.update(
            count=seen["count"] + 1,
            first=seen["first"] or arrived,
            last=time.monotonic(),
            most=max(seen["most"], under_way + 1),
        )
        message = {"role": "assistant", "content": answer(body["messages"][-1]["content"])}
        reply = {
            "id": f"chatcmpl-{seen['count']}",
            "object": "chat.completion",
            "created": 1_700_000_000,
            "model": body["model"],
            "choices": [{"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}],
            "usage": {"prompt_tokens": 300, "completion_tokens": 600, "total_tokens": 900},
        }
        return web.json_response(reply)

    app = web.Application()
    app.add_routes([web.post("/v1/chat/completions", chat)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=4 * AT_ONCE).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    say({"ready": True})
    while await asyncio.to_thread(sys.stdin.readline):
        say({"url": url, **seen})
        seen.update(count=0, first=0.0, last=0.0, most=0)


# ----------------------------------------------------------------------------------------------------- the contenders


async def ask_all(ask: Callable[[str], Any], questions: list[str]) -> list[str]:
    """Have AT_ONCE callers ask, each one question at a time."""
    answers = [""] * len(questions)
    numbered = iter(enumerate(questions))

    async def work() -> None:
        for number, one in numbered:
            answers[number] = await ask(one)

    await asyncio.gather(*(work() for _ in range(AT_ONCE)))
    return answers


def run_codewright(url: str, questions: list[str], folder: Path) -> list[str]:
    """Ask as the stages do; budget and prices are set, so that every request is reserved and settled."""
    from codewright.core.records import Message
    from codewright.models.budget import Budget, Ledger, Prices
    from codewright.models.model import Sampling, open_model
    from codewright.models.paid import PaidModel
    from codewright.models.reply_cache import ReplyCache

    sampling = Sampling(max_tokens=MOST_TOKENS, temperature=TEMPERATURE)
    cache = ReplyCache(folder / "replies.sqlite")
    ledger = Ledger(folder / "spent.sqlite", Budget(money=1e6), Prices(1.0, 4.0))

    async def work() -> list[str]:
        async with PaidModel(open_model("openai:tiny", f"{url}/v1", AT_ONCE), cache, ledger) as model:

            async def ask(text: str) -> str:
                [reply] = await model.generate([[Message("user", text)]], sampling)
                return reply.text

            return await ask_all(ask, questions)

    answers = asyncio.run(work())
    assert sum(total.replies for total in cache.summary()) == ledger.spent().requests == len(questions)
    return answers


def run_sdk(url: str, questions: list[str], _: Path) -> list[str]:
    """Ask through the openai SDK as its documentation says."""
    from openai import AsyncOpenAI, DefaultAioHttpClient

    async def work() -> list[str]:
        async with AsyncOpenAI(
            base_url=f"{url}/v1", api_key="none", http_client=DefaultAioHttpClient()
        ) as client:

            async def ask(text: str) -> str:
                reply = await client.chat.completions.create(
                    model="tiny",
                    messages=[{"role": "user", "content": text}],
                    max_tokens=MOST_TOKENS,
                    temperature=TEMPERATURE,
                )
                return reply.choices[0].message.content or ""

            return await ask_all(ask, questions)

    return asyncio.run(work())


def run_aiohttp(url: str, questions: list[str], _: Path) -> list[str]:
    """Ask with nothing in between."""
    import aiohttp

    async def work() -> list[str]:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=AT_ONCE)) as session:

            async def ask(text: str) -> str:
                body = {
                    "model": "tiny",
                    "messages": [{"role": "user", "content": text}],
                    "max_tokens": MOST_TOKENS,
                    "temperature": TEMPERATURE,
                }
                async with session.post(f"{url}/v1/chat/completions", json=body) as reply:
                    return str((await reply.json())["choices"][0]["message"]["content"])

            return await ask_all(ask, questions)

    return asyncio.run(work())


def run_curator(url: str, questions: list[str], folder: Path) -> list[str]:
    """Ask with curator's LLM over a data set, as its documentation says."""
    os.environ |= {"OPENAI_API_KEY": "none", "TELEMETRY_ENABLED": "0"}
    import litellm.litellm_core_utils.default_encoding  # noqa: F401 - has the encoding that tiktoken would fetch from the net
    from bespokelabs import curator
    from datasets import Dataset

    class Teacher(curator.LLM):  # type: ignore[misc]
        def prompt(self, row: dict[str, Any]) -> str:
            return str(row["question"])

        def parse(self, row: dict[str, Any], response: str) -> dict[str, Any]:
            return {"number": row["number"], "answer": response}

    teacher = Teacher(
        model_name="tiny",
        backend="openai",
        backend_params={
            "base_url": f"{url}/v1",
            "max_requests_per_minute": NO_LIMIT,
            "max_tokens_per_minute": NO_LIMIT,
            "max_concurrent_requests": AT_ONCE,
        },
        generation_params={"temperature": TEMPERATURE, "max_tokens": MOST_TOKENS},
    )
    rows = [{"number": number, "question": one} for number, one in enumerate(questions)]
    done = teacher(Dataset.from_list(rows), working_dir=str(folder))
    found = {row["number"]: row["answer"] for row in getattr(done, "dataset", done)}
    return [str(found.get(number, "")) for number in range(len(questions))]


def run_quiet_distilabel(url: str, questions: list[str], folder: Path) -> list[str]:
    """Ask with distilabel without a line of log for every request.

    It switches these off for httpx; the SDK, which pip chooses the newest of, has left that for httpx2.
    """
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    return run_distilabel(url, questions, folder)


def run_distilabel(url: str, questions: list[str], folder: Path) -> list[str]:
    """Ask with a pipeline of one TextGeneration, its cache on. A batch is what it sends at once; the default is 50."""
    from distilabel.models import OpenAILLM
    from distilabel.pipeline import Pipeline
    from distilabel.steps import LoadDataFromDicts
    from distilabel.steps.tasks import TextGeneration

    with Pipeline("teacher", cache_dir=folder) as pipeline:
        rows = [{"number": number, "instruction": one} for number, one in enumerate(questions)]
        load = LoadDataFromDicts(data=rows, batch_size=AT_ONCE)
        settings = {"temperature": TEMPERATURE, "max_new_tokens": MOST_TOKENS}
        llm = OpenAILLM(model="tiny", base_url=f"{url}/v1", api_key="none", generation_kwargs=settings)
        load >> TextGeneration(llm=llm, input_batch_size=AT_ONCE)
    done = pipeline.run(use_cache=True)["default"]["train"]
    found = dict(zip(done["number"], done["generation"], strict=True))
    return [str(found.get(number, "")) for number in range(len(questions))]


RUNS: dict[str, Run] = {
    "codewright": run_codewright,
    "openai with aiohttp": run_sdk,
    "aiohttp": run_aiohttp,
    "bespokelabs-curator": run_curator,
    "distilabel": run_distilabel,
    "distilabel, quiet": run_quiet_distilabel,
}


def contend(name: str, url: str) -> None:
    """Run as often and with as many requests as ordered on stdin; say what it took."""
    become_subreaper()
    asked = 0

    def run(count: int) -> dict[str, Any]:
        nonlocal asked
        questions = [question(number) for number in range(asked, asked + count)]
        asked += count
        cpu = tree_seconds()
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            answers = RUNS[name](url, questions, Path(folder))
            with suppress(ChildProcessError):  # what was left to us counts, too
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            used = tree_seconds() - cpu
        right = sum(got == answer(one) for got, one in zip(answers, questions, strict=True))
        return {"cpu_s": used, "right": right}

    run(AT_ONCE)
    say({"ready": True})
    for line in sys.stdin:
        say(run(json.loads(line)))


def keep_stdout_clean(log: Path) -> None:
    """What libraries and their children print goes into a file; what `say` says goes where it went."""
    measuring._ANSWERS = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    with log.open("wb") as file:
        os.dup2(file.fileno(), sys.stdout.fileno())
        os.dup2(file.fileno(), sys.stderr.fileno())


# -------------------------------------------------------------------------------------------------------- the referee


def measure(contender: Contender, name: str, server: Contender, count: int) -> tuple[float, float]:
    """Return requests per second of the longer of two runs, and CPU seconds per 10,000 requests."""
    cpu: list[float] = []
    rate = 0.0
    for requests in (count, 2 * count):
        server.ask("forget")
        told = contender.ask(requests)
        stock = server.ask("tell")
        if told["right"] != requests or stock["count"] != requests or stock["most"] > AT_ONCE:
            print(f"{name}: {told['right']} of {requests} answers right, {stock}")
        cpu.append(told["cpu_s"])
        rate = stock["count"] / (stock["last"] - stock["first"])
    cost = (cpu[1] - cpu[0]) / count * 10_000
    print(
        f"{name}: {rate:.0f} requests/s, {stock['most']} at once, {cost:.1f} CPU-s per 10,000",
        file=sys.stderr,
    )
    return rate, cost


def compare(rates: dict[str, list[float]], costs: dict[str, list[float]]) -> None:
    """Print medians over the rounds, and ratios, each the median of the ratios within a round."""

    def ratio(values: dict[str, list[float]], name: str) -> float:
        return statistics.median(
            ours / theirs for ours, theirs in zip(values["codewright"], values[name], strict=True)
        )

    rows = []
    for name, measured in rates.items():
        (rate, *range_of_rates), (cost, *range_of_costs) = (
            (statistics.median(values), min(values), max(values)) for values in (measured, costs[name])
        )
        row = [name, f"{rate:.0f}", "{:.0f} to {:.0f}".format(*range_of_rates)]
        row += [f"{cost:.1f}", "{:.1f} to {:.1f}".format(*range_of_costs)]
        rows.append([*row, f"{ratio(rates, name):.2f} x", f"{ratio(costs, name):.2f} x"])
    heads = (
        "client",
        "requests/s",
        "rounds",
        "CPU-s per 10,000",
        "rounds",
        "codewright's requests/s",
        "codewright's CPU",
    )
    print(table(heads, rows) + "\n")
    for name, (faster, part) in TARGETS.items():
        if name in rates:
            print(
                f"against {name}: {ratio(rates, name):.2f} x the requests/s (target: at least {faster:g}), "
                f"{ratio(costs, name):.2f} x the CPU per request (target: at most {part:g})"
            )


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument(
        "--requests", type=int, default=2_000, help="N; a round is N and 2N of each contender"
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--against", nargs="*", choices=list(RUNS)[1:], default=list(RUNS)[1:])
    parser.add_argument("--cache", type=Path, default=CACHE)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--contend", nargs=2, metavar=("NAME", "URL"), help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    """Serve, contend, or be the referee."""
    options = parse()
    if options.serve:
        asyncio.run(serve())
        return
    if options.contend:
        name, url = options.contend
        keep_stdout_clean(options.cache / f"teacher-{name.replace(' ', '-')}.log")
        contend(name, url)
        return
    server = Contender([sys.executable, __file__, "--serve"])
    url = server.ask("tell")["url"]
    contenders = {}
    for name in ("codewright", *options.against):
        package = name.partition(",")[0]
        python = peer_python(package, PEERS[package], options.cache) if package in PEERS else sys.executable
        if python is not None:
            command = [python, __file__, "--contend", name, url, "--cache", str(options.cache)]
            contenders[name] = Contender(command)
    rates: dict[str, list[float]] = {name: [] for name in contenders}
    costs: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(options.rounds):
        for name, contender in contenders.items():
            rate, cost = measure(contender, name, server, options.requests)
            rates[name].append(rate)
            costs[name].append(cost)
    for contender in (*contenders.values(), server):
        contender.end()
    compare(rates, costs)


if __name__ == "__main__":
    main()
