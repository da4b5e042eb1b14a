"""A model answers a benchmark's problems: batched, resumable at the row, the same answers whatever was killed in between.

Raw replies go into a journal as they come, and code is taken out of them at the end. Sample i of every problem is drawn with
the seed `stable_hash(seed, i)`, and no batch holds a prompt twice, so that an answer depends on neither batch nor resume.
A local model gets batches; a served one gets single requests, as many at once as it takes.
"""

import asyncio
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from codewright.core.errors import ConfigError
from codewright.core.journal import Journal
from codewright.core.records import Answer, Form, Message, Problem, content_id
from codewright.core.rng import stable_hash
from codewright.evals.benchmark import Benchmark
from codewright.models.model import DescribedModel, Model, Reply, Sampling, ServedModel

BATCH = 64
"""Requests in one call of a local model: what is lost by a kill, and as many rows as its batches have."""

DRAIN_S = 10.0
"""After a request has failed for good: how long those under way, which may be paid for, get to come back."""

Question = str | Sequence[Message]
Key = tuple[str, str, int]
"""Language, task_id, sample_index."""


async def generate_answers(
    benchmark: Benchmark,
    problems: Sequence[Problem],
    model: Model,
    *,
    form: Form,
    n: int,
    sampling: Sampling,
    journal: Journal,
    on_progress: Callable[[int], None] = lambda _: None,
) -> list[tuple[Problem, Answer]]:
    """Return n answers a problem, in the problems' order; what the journal holds is not asked again.

    sampling.seed: the run's. on_progress(k): k more answers are there; first come those of the journal.
    Raises ConfigError for a journal of other settings and for a form that the model or the benchmark does not have,
    BackendError when the model keeps failing: what came until then is in the journal.
    """
    if form == "completion":
        sampling = replace(sampling, stop=tuple(dict.fromkeys((*sampling.stop, *benchmark.stops))))
        if problems and benchmark.follow_up(problems[0], "") is not None:
            raise ConfigError(
                f"benchmark {benchmark.item} asks a second question, which takes chat form (--form chat)"
            )
    asking = _Asking(benchmark, model, form, sampling, journal)
    asking.settings = asking.describe_settings(problems)
    _check_journal(journal, asking.settings)
    items = [_Item(problem, index) for index in range(n) for problem in problems]
    asking.take_back(journal.rows[1:])
    todo = [item for item in items if not asking.is_finished(item)]
    if len(todo) < len(items):
        on_progress(len(items) - len(todo))
    if isinstance(model, ServedModel):
        await asking.ask_singly(todo, model.concurrency, on_progress)
    else:
        await asking.ask_in_batches(todo, on_progress)
    return [(item.problem, asking.answer(item)) for item in sorted(items, key=_by_problem(problems))]


def describe(model: Model, form: Form) -> dict[str, Any]:
    """Say for scores.json which model was asked in which style: form and, for chat, the template where it is known."""
    about: dict[str, Any] = (
        dict(model.describe()) if isinstance(model, DescribedModel) else {"model": type(model).__name__}
    )
    template = about.pop("chat_template", "the server's own" if isinstance(model, ServedModel) else None)
    if form == "chat":
        about["chat_template"] = template
    return {"form": form, **about}


@dataclass(frozen=True)
class _Item:
    """One answer to be."""

    problem: Problem
    index: int

    @property
    def key(self) -> Key:
        return self.problem.language, self.problem.task_id, self.index


def _by_problem(problems: Sequence[Problem]) -> Callable[[_Item], tuple[int, int]]:
    place = {(problem.language, problem.task_id): number for number, problem in enumerate(problems)}
    return lambda item: (place[item.problem.language, item.problem.task_id], item.index)


@dataclass
class _Asking:
    """One benchmark being asked. replies: of each item so far, in steps; a second one only where there is a follow-up."""

    benchmark: Benchmark
    model: Model
    form: Form
    sampling: Sampling
    journal: Journal
    replies: dict[Key, list[Reply]] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    stopped: bool = False

    def describe_settings(self, problems: Sequence[Problem]) -> dict[str, Any]:
        """Return what must be the same for answers to belong together."""
        about = describe(self.model, self.form)
        if isinstance(template := about.get("chat_template"), dict):
            about["chat_template"] = template["sha256"]  # rendered, some templates hold today's date
        prompts = [
            text
            for problem in problems
            for text in (problem.language, problem.task_id, _plain(self._first_question(problem)))
        ]
        settings = {
            "benchmark": self.benchmark.item,
            "prompts": content_id(*prompts),
            **about,
            **asdict(self.sampling),
        }
        return {**settings, "stop": list(self.sampling.stop)}

    def take_back(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Take replies out of the journal's rows."""
        for row in rows:
            replies = self.replies.setdefault((row["language"], row["task_id"], row["sample_index"]), [])
            if row["step"] == len(replies):
                replies.append(
                    Reply(row["text"], row["finish_reason"], row["prompt_tokens"], row["completion_tokens"])
                )

    def is_finished(self, item: _Item) -> bool:
        return self._question(item) is None

    def answer(self, item: _Item) -> Answer:
        """Take the code out of the last reply."""
        replies = self.replies[item.key]
        question = self._first_question(item.problem)
        if len(replies) > 1:
            question = self.benchmark.follow_up(item.problem, replies[0].text) or question
        reply = replies[-1]
        found = self.benchmark.extract(item.problem, reply.text, self.form)
        return Answer(
            benchmark=item.problem.benchmark,
            task_id=item.problem.task_id,
            sample_index=item.index,
            form=self.form,
            prompt=_plain(question),
            response=reply.text,
            solution=found.solution,
            finish_reason=reply.finish_reason,
            how=f"failed: {found.how}" if found.failed else found.how,
        )

    async def ask_in_batches(self, todo: Sequence[_Item], on_progress: Callable[[int], None]) -> None:
        """Ask a local model: the first question of many at once, then the second."""
        for index, items in itertools.groupby(todo, key=lambda item: item.index):
            due = list(items)
            while due:
                asked = ((item, question) for item in due if (question := self._question(item)) is not None)
                for batch in _batches(asked):
                    self._keep(
                        zip(
                            *(batch, await self._ask([question for _, question in batch], index)), strict=True
                        )
                    )
                    on_progress(sum(self.is_finished(item) for item, _ in batch))
                due = [item for item in due if not self.is_finished(item)]

    async def ask_singly(
        self, todo: Sequence[_Item], concurrency: int, on_progress: Callable[[int], None]
    ) -> None:
        """Ask a served model, many requests at once. After a failure nothing new starts, and what is under way may end."""
        items = iter(todo)

        async def work() -> None:
            for item in items:
                while not self.stopped and (question := self._question(item)) is not None:
                    [reply] = await self._ask([question], item.index)
                    self._keep([((item, question), reply)])
                if self.stopped:
                    return
                on_progress(1)

        workers = [asyncio.create_task(work()) for _ in range(min(concurrency, len(todo)))]
        if not workers:
            return
        try:
            ended, under_way = await asyncio.wait(workers, return_when=asyncio.FIRST_EXCEPTION)
            self.stopped = bool(under_way)
            if under_way:
                await asyncio.wait(under_way, timeout=DRAIN_S)
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
        for worker in ended:
            worker.result()

    def _first_question(self, problem: Problem) -> Question:
        return self.benchmark.text(problem) if self.form == "completion" else self.benchmark.chat(problem)

    def _question(self, item: _Item) -> Question | None:
        """Return what an item is to be asked next; None when it is finished."""
        replies = self.replies.get(item.key, ())
        if not replies:
            return self._first_question(item.problem)
        return self.benchmark.follow_up(item.problem, replies[0].text) if len(replies) == 1 else None

    async def _ask(self, questions: Sequence[Question], index: int) -> list[Reply]:
        sampling = replace(self.sampling, seed=stable_hash(self.sampling.seed, index))
        texts = [question for question in questions if isinstance(question, str)]
        if texts:
            return await self.model.complete(texts, sampling)
        return await self.model.generate([q for q in questions if not isinstance(q, str)], sampling)

    def _keep(self, answered: Iterable[tuple[tuple[_Item, Question], Reply]]) -> None:
        rows = []
        for (item, _), reply in answered:
            replies = self.replies.setdefault(item.key, [])
            place = {
                "language": item.problem.language,
                "task_id": item.problem.task_id,
                "sample_index": item.index,
            }
            rows.append({**place, "step": len(replies), **asdict(reply)})
            replies.append(reply)
        if not self.journal.rows:  # not before there is an answer: nobody's work needs no defence
            self.journal.rows.append({"asked": self.settings})
            self.journal.append(self.journal.rows)
        self.journal.append(rows)


def _check_journal(journal: Journal, settings: Mapping[str, Any]) -> None:
    """Compare the settings with those of the answers in the journal. Raises ConfigError for others, naming them."""
    found = journal.rows[0].get("asked", {}) if journal.rows else settings
    differs = [name for name in sorted({*found, *settings}) if found.get(name) != settings.get(name)]
    if differs:
        what = "; ".join(f"{name} was {found.get(name)!r}, is {settings.get(name)!r}" for name in differs)
        journal.close()
        raise ConfigError(
            f"the answers that are there were made with other settings ({what}); go on with those, or give another --out"
        )


def _batches(asked: Iterable[tuple[_Item, Question]]) -> Iterator[list[tuple[_Item, Question]]]:
    """Cut into batches in which no prompt stands twice: a repetition is drawn anew, which a resumed run would not know."""
    batch: list[tuple[_Item, Question]] = []
    prompts: set[str] = set()
    for item, question in asked:
        prompt = _plain(question)
        if len(batch) == BATCH or prompt in prompts:
            yield batch
            batch, prompts = [], set()
        batch.append((item, question))
        prompts.add(prompt)
    if batch:
        yield batch


def _plain(question: Question) -> str:
    """Return a question as text: of a chat its turns' contents."""
    return question if isinstance(question, str) else "\n\n".join(turn.content for turn in question)
