"""`codewright eval doctor`: the references of benchmarks, run on this machine, as a table."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from codewright.core.errors import ConfigError
from codewright.core.plugins import list_plugins
from codewright.core.progress import Reporter
from codewright.core.records import Answer
from codewright.evals.answers import read_answers
from codewright.evals.benchmark import BENCHMARKS_PACKAGE, USUAL_KIND
from codewright.evals.doctor import MOST_FAILING, Diagnosis
from codewright.evals.session import Loaded, Options, Session, load

_MOST_NAMED = 4


@dataclass(frozen=True)
class Line:
    """One line of the table: a benchmark in one language. trouble: why nothing was run; failing: task and cause."""

    item: str
    language: str
    release: str
    problems: int
    kind: str
    passed: int
    checked: int
    trouble: str
    failing: list[tuple[str, str]]

    @property
    def sick(self) -> bool:
        """True if scores would be withheld."""
        return len(self.failing) > MOST_FAILING * self.checked


async def check_up(
    items: Sequence[str], options: Options, reporter: Reporter, answers: Path | None = None
) -> list[Line]:
    """Run the references of the benchmarks named, or of all.

    answers: a file whose rows with `passed: true` stand in for references. Raises ConfigError for a named benchmark
    that cannot be loaded; of all, one whose data is not here is a line that says so.
    """
    if answers is not None and len(items) != 1:
        raise ConfigError("--answers belongs to one benchmark: name just one")
    loaded: list[Loaded | Line] = []
    for item in items or list_plugins(BENCHMARKS_PACKAGE):
        try:
            loaded.append(load(item, options))
        except ConfigError as error:
            if items:
                raise
            loaded.append(Line(item, "", "", 0, "", 0, 0, str(error), []))
    lines: list[Line] = []
    async with Session.open(options, reporter) as session:
        for one in loaded:
            lines += [one] if isinstance(one, Line) else await _check(session, one, answers)
    return lines


async def _check(session: Session, loaded: Loaded, answers: Path | None) -> list[Line]:
    ready = await session.prepare(loaded)
    if answers is None:
        return _lines(ready, await session.diagnose(ready))
    return _lines(
        ready, await session.diagnose(ready, _published(ready, answers), "published passing answers")
    )


def _published(loaded: Loaded, path: Path) -> dict[tuple[str, str], list[Answer]]:
    """Read the answers that were published as passing."""
    found = read_answers(
        path, loaded.benchmark, loaded.problems, asked=loaded.asked, known=loaded.known, only_passed=True
    )
    references: dict[tuple[str, str], list[Answer]] = defaultdict(list)
    for problem, answer in found.pairs:
        references[problem.language, problem.task_id].append(answer)
    return references


def _lines(loaded: Loaded, diagnosis: Diagnosis) -> list[Line]:
    problems = Counter(problem.language for problem in loaded.problems)
    lines = []
    for language, count in sorted(problems.items()):
        checked = [one for one in diagnosis.references if one.language == language]
        missing = next(
            (why for problem in loaded.problems if problem.language == language
             if (why := loaded.benchmark.runnable(problem))), None,
        )  # fmt: skip
        failing = [(one.task_id, one.cause) for one in checked if not one.passed]
        lines.append(
            Line(
                loaded.benchmark.item,
                language,
                loaded.data.release,
                count,
                diagnosis.kind,
                len(checked) - len(failing),
                len(checked),
                "" if checked else missing or "no references published",
                failing,
            )
        )
    return lines


def print_checkup(lines: Sequence[Line]) -> int:
    """Print the table; returns 1 if a benchmark's scores would be withheld here, 2 if nothing could be checked, else 0."""
    table = Table(title="references on this machine", title_justify="left")
    for name in ("benchmark", "release", "language", "problems", "pass"):
        table.add_column(name, justify="right" if name in ("problems", "pass") else "left", overflow="fold")
    notes: list[str] = []
    for line in lines:
        share = f"{line.passed} of {line.checked}" if line.checked else "-"
        cells = (line.item, line.release, line.language, str(line.problems or "-"), share)
        table.add_row(*map(Text, cells))
        notes += [f"{line.item} {line.language}".rstrip() + f": {note}" for note in _notes(line)]
    console = Console(highlight=False, emoji=False, markup=False, soft_wrap=True)
    console.print(table)
    for note in notes:
        console.print(note)
    sick = sorted({f"{line.item} ({line.language})" for line in lines if line.sick})
    if sick:
        console.print(
            f"scores would be withheld (more than {MOST_FAILING:.0%} fail): {', '.join(sick)}", markup=False
        )
    items = list(dict.fromkeys(line.item for line in lines))
    checked = {line.item for line in lines if line.checked}
    unchecked = [item for item in items if item not in checked]
    if unchecked:
        console.print(
            f"{len(unchecked)} of {len(items)} benchmarks could not be checked: {', '.join(unchecked)}"
        )
    return 2 if not checked else int(bool(sick))


def _notes(line: Line) -> list[str]:
    """Say what the numbers do not: other references than canonical solutions, what fails and why."""
    notes = [line.trouble] if line.trouble else []
    if line.checked and line.kind != USUAL_KIND:
        notes.append(f"references are {line.kind}")
    return [*notes, *_name_failing(line.failing)]


def _name_failing(failing: Sequence[tuple[str, str]]) -> list[str]:
    by_cause: dict[str, list[str]] = defaultdict(list)
    for task, cause in failing:
        by_cause[cause].append(task)
    parts = []
    for cause, tasks in sorted(by_cause.items(), key=lambda item: (-len(item[1]), item[0])):
        more = f" and {len(tasks) - _MOST_NAMED} more" if len(tasks) > _MOST_NAMED else ""
        parts.append(f"{', '.join(tasks[:_MOST_NAMED])}{more} fail{'s' if len(tasks) == 1 else ''} ({cause})")
    return parts
