"""An evaluation's folder before the work: whose it is, what is finished in it, and what a kill or a full disk left of it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codewright.core.errors import ConfigError, DataError
from codewright.core.io import read_json, read_jsonl
from codewright.core.journal import Journal
from codewright.core.manifest import WORK_FOLDER
from codewright.core.records import Verdict, content_id
from codewright.evals.results import ANSWERS, load_results
from codewright.evals.scoring import FAILURES, SCORES, VERDICTS


@dataclass
class Folder:
    """An evaluation's folder: where, for what work, the journal of its verdicts, and the scores if it is finished."""

    out: Path
    work: Mapping[str, Any]
    journal: Journal
    scores: dict[str, Any] | None = None

    @property
    def key(self) -> str:
        """Return the work's identity, as scores.json has it."""
        return content_id(*(f"{name}={value}" for name, value in sorted(self.work.items())))


def take_folder(out: Path, work: Mapping[str, Any], *, rejudge: bool = True) -> Folder:
    """Open an evaluation's folder. Where files of a finished one are damaged, its whole verdicts go back into the journal.

    rejudge: the answers are at hand, so that the other verdicts can be made again. Raises ConfigError if it holds something else
    than this work, and if it is damaged beyond that.
    """
    journal_path = out / WORK_FOLDER / VERDICTS
    if (
        not (out / SCORES).is_file()
        and out.is_dir()
        and not journal_path.parent.exists()
        and any(out.iterdir())
    ):
        raise ConfigError(f"{out}: is not empty and no evaluation's folder; give another --out")
    scores = _read_scores(out)
    folder = Folder(out, work, Journal(journal_path, work), scores)
    if scores is None:
        return folder
    if scores.get("work") != folder.key:
        folder.journal.remove()
        raise ConfigError(f"{out}: holds the results of another evaluation; give another --out, or remove it")
    damage = _find_damage(out)
    if damage and not rejudge:
        folder.journal.remove()
        raise ConfigError(
            f"{damage}; judge its answers again with `codewright eval run {scores['benchmark']} --answers {out / ANSWERS}` and another --out"
        )
    if damage:
        _take_back(folder)
    else:
        folder.journal.remove()
    return folder


def _read_scores(out: Path) -> dict[str, Any] | None:
    path = out / SCORES
    if not path.is_file():
        return None
    try:
        found = read_json(path)
    except DataError:
        found = None
    if not isinstance(found, dict):
        raise ConfigError(f"{path}: is damaged, so nobody knows whose results these are; give another --out")
    return found


def _find_damage(out: Path) -> str:
    """Say what is wrong with a finished evaluation; nothing if it is whole."""
    try:
        load_results(out)
        for _ in read_jsonl(out / FAILURES):
            pass
    except (ConfigError, DataError) as error:
        return str(error)
    return ""


def _take_back(folder: Folder) -> None:
    """Make a damaged evaluation an unfinished one that keeps the verdicts which are whole."""
    rows = list(_whole_verdicts(folder.out / VERDICTS))
    folder.journal.append(rows)
    folder.journal.rows = rows
    (folder.out / SCORES).unlink()
    folder.scores = None


def _whole_verdicts(path: Path) -> Iterator[dict[str, Any]]:
    """Yield rows up to the first that is none."""
    try:
        for _, row in read_jsonl(path):
            yield Verdict(**row).as_row()
    except (DataError, TypeError):
        return
