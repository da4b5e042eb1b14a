"""The passes of `corpus.dedup_rows`: read texts, meet and compare (`corpus.near`), choose, write.

In scratch: `texts/NAME/part-*`, a document for each row, in the order of the rows, empty where the text is too short to have
shingles; `facts/part-*`, what choosing needs to know of each row; `NAME/`, where the near passes over one kind of text work.
"""

import json
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from codewright.core.errors import ConfigError
from codewright.core.instruction_rows import instruction_parts
from codewright.core.io import read_json, read_parquet, read_parquet_metadata, write_json, write_parquet
from codewright.core.manifest import WORK_FOLDER, Counts, part_name
from codewright.core.records import LOST_SCHEMA, SAMPLE_SCHEMA, Lost, content_id, to_table
from codewright.corpus import dedup
from codewright.corpus.near.buckets import sorted_pairs
from codewright.corpus.near.clusters import KEPT, Floats, unseen_pairs
from codewright.corpus.near.curve import Banding
from codewright.corpus.near.deciding import MAX_ROUNDS, Compare
from codewright.corpus.near.kernels import Ints
from codewright.corpus.near.passes import meet
from codewright.corpus.near.units import save, source_of
from codewright.corpus.row_dedup import Config
from codewright.engine.engine import Shard
from codewright.engine.stage import StageContext, StageResult

NGRAM = 5
"""Words a shingle, as in `corpus.dedup`; a text of fewer words has none."""

DUPLICATE, SHARED_SEED, UNUSABLE = "duplicate", "shared_seed", "unusable"

_PERMUTATIONS = 256
_SURE = 0.99
"""Chance to meet of a pair at the threshold. Rows are few beside files of source code, so more candidates are no burden."""

_DECISIONS, _SUMMARY = "decisions.parquet", "decided.json"

_DECISION_SCHEMA = pa.schema([("row", pa.int64()), ("reason", pa.string()), ("keeper", pa.string())])
_TEXT_SCHEMA = pa.schema([("id", pa.string()), ("content", pa.large_string())])
_FACT_SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("rest", pa.string()),
        ("usable", pa.bool_()),
        ("seeds", pa.uint64()),
        ("problem", pa.uint64()),
        ("solution", pa.uint64()),
    ]
)
"""rest: tells rows of equal id apart. seeds, problem, solution: equal for equal ones, null where there is nothing to compare, as
in a short solution: `42` answers many questions."""


def remove_rows(config: Config, context: StageContext) -> StageResult:
    """Run all passes; see `codewright.corpus.row_dedup`."""
    config.check()
    sources = [instruction_parts(context.dataset(ref)) for ref in config.rows]
    shards = _shards(config, context, sources)
    if not shards:
        raise ConfigError(f"stage '{context.id}': rows: {', '.join(config.rows)} hold no rows")
    read = context.engine.map(read_shard, shards, "dedup rows: read")
    summary = _decide(config, context, shards)
    written = context.engine.map(write_shard, shards, "dedup rows: write")
    counts = Counts.total(Counts.from_json(result["counts"]) for result in written)
    if counts.kept == 0:
        raise ConfigError(
            f"stage '{context.id}': no row is left of {counts.rows_in}; none can be used, see quarantine/"
        )
    short: Counter[str] = Counter()
    kept = [0] * len(sources)
    for shard, before, after in zip(shards, read, written, strict=True):
        short.update(before["too_short"])
        kept[shard.params["source"]] += after["counts"]["kept"]
    return StageResult(counts, details={"too_short": dict(short), "kept_by_source": kept, **summary})


def _shards(config: Config, context: StageContext, sources: list[list[Path]]) -> list[Shard]:
    """Make a shard of every part that holds rows; `first` numbers its first row over all of them."""
    shards: list[Shard] = []
    first = 0
    for source, parts in enumerate(sources):
        for path in parts:
            rows = read_parquet_metadata(path).num_rows
            if rows:
                params = {"source": source, "first": first, "texts": list(config.likenesses)}
                shards.append(Shard(part_name(len(shards)), str(context.out), (str(path),), params))
                first += rows
    return shards


def read_shard(shard: Shard) -> dict[str, Any]:
    """Write the texts of one part's rows as documents, and what choosing needs to know of the rows."""
    work, names = Path(shard.out) / WORK_FOLDER, shard.params["texts"]
    facts: list[dict[str, Any]] = []
    documents: dict[str, list[dict[str, str]]] = {name: [] for name in names}
    short: Counter[str] = Counter(dict.fromkeys(names, 0))
    for row in read_parquet(shard.inputs[0], SAMPLE_SCHEMA.names).to_pylist():
        texts, seeds = texts_of(row), _seeds_of(row)
        rest = json.dumps({**row, "messages": None}, sort_keys=True)
        fact = {
            "id": row["id"] or "",
            "rest": content_id(rest),
            "usable": bool(row["id"] and row["messages"]),
        }
        fact["seeds"] = _number(content_id("seeds", *seeds)) if seeds else None
        for name in names:
            bare = "".join(texts[name].split())
            same = content_id(bare)
            content = shingled(texts[name])
            fact[name] = _number(same) if content or (bare and name == "problem") else None
            short[name] += bool(bare and not content)
            documents[name].append({"id": same, "content": content})
        facts.append(fact)
    write_parquet(work / "facts" / shard.name, pa.Table.from_pylist(facts, schema=_FACT_SCHEMA))
    for name in names:
        table = pa.Table.from_pylist(documents[name], schema=_TEXT_SCHEMA)
        write_parquet(work / "texts" / name / shard.name, table)
    return {"too_short": dict(short)}


def _number(id_: str) -> int:
    """Return the first 64 bits of a SHA-256: equal for equal texts, and for no others in practice."""
    return int(id_[:16], 16)


def _seeds_of(row: Mapping[str, Any]) -> list[str]:
    return sorted(set((row["origin"] or {}).get("seeds") or ()))


def texts_of(row: Mapping[str, Any]) -> dict[str, str]:
    """Return a row's problem (all the user says) and its solution (the last answer), empty where there is none."""
    turns = [(turn["role"], turn["content"] or "") for turn in row["messages"] or ()]
    problem = "\n".join(text for role, text in turns if role == "user")
    return {
        "problem": problem,
        "solution": next((text for role, text in turns[::-1] if role == "assistant"), ""),
    }


_WORD = re.compile(r"[A-Za-z0-9_\x80-\U0010ffff]+")
"""What `near.kernels` takes for a word."""

_UNSPACED = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)
"""Letters of scripts that put no space between words: Thai, Lao, Burmese, Khmer, kana, Han. Source: the Unicode blocks of what
UAX #14 calls ID and SA."""

_OPERATORS = "+-*/%<>=!&|^~"

_TO_WIDE = 0xFEE0
"""From an ASCII character to its full-width form (Unicode block FF00)."""


def shingled(text: str) -> str:
    """Return a text as the near passes are to read it, empty when it has too few words for a shingle.

    The passes look at words only, so that two short answers, `a + b` and `a - b`, would be one: operators become words, too
    (their full-width forms). So does each letter of a script without spaces, of which a sentence would be a single word;
    punctuation outside ASCII parts words, and composed and decomposed letters are the same.
    """
    text = text.translate(_spread())
    if not text.isascii():
        text = _UNSPACED.sub(r" \g<0> ", unicodedata.normalize("NFC", text))
    words = _WORD.finditer(text)
    return text if all(next(words, None) for _ in range(NGRAM)) else ""


@cache
def _spread() -> dict[int, str]:
    table = {
        number: " "
        for number in range(0x80, 0x20000)  # beyond that there is none
        if unicodedata.category(chr(number))[0] in "PZ"
    }
    table.update({ord(sign): f" {chr(ord(sign) + _TO_WIDE)} " for sign in _OPERATORS})
    return table


@dataclass(frozen=True)
class _Rows:
    """What is known of all rows, by number; `order` lists the usable ones, best first, `ranks` their places (then the others')."""

    ids: list[str]
    seeds: list[int | None]
    texts: dict[str, list[int | None]]
    order: list[int]
    ranks: Ints


@dataclass
class _Near:
    """One kind of text: how to compare pairs, the pairs found similar so far, and all that were compared."""

    compare: Compare
    pairs: Ints
    jaccards: Floats
    seen: Ints


def banding(threshold: float) -> Banding:
    """Return the longest bands with which pairs at the threshold still meet almost surely."""
    found = [Banding(_PERMUTATIONS, _PERMUTATIONS // rows, rows) for rows in range(1, _PERMUTATIONS + 1)]
    return next((one for one in reversed(found) if one.chance(threshold) >= _SURE), found[0])


def _decide(config: Config, context: StageContext, shards: list[Shard]) -> dict[str, Any]:
    """Write which rows go, why and for whom; returns what the manifest says of it."""
    done = context.work / _SUMMARY
    if done.exists():
        found: dict[str, Any] = read_json(done)
        return found
    rows = _facts(context, shards)
    near: dict[str, _Near] = {}
    for name, likeness in config.likenesses.items():
        bands = banding(likeness.threshold)
        settings = dedup.Config(
            corpus=name, bands=bands.bands, rows=bands.rows, permutations=bands.permutations, ngram=NGRAM,
            threshold=likeness.threshold, shard_bytes=config.shard_bytes,
        )  # fmt: skip
        inner = replace(context, out=context.work / name)
        source = source_of([context.work / "texts" / name / shard.name for shard in shards])
        compare = meet(settings, inner, [source]).compare
        pairs, jaccards = compare(0, inner.work / "pairs")
        near[name] = _Near(compare, pairs, jaccards, sorted_pairs(pairs))
    number = 1
    decisions = choose(rows, near, shared_seed=config.shared_seed)
    while number <= MAX_ROUNDS and _look_further(context, rows, near, decisions, number):
        decisions = choose(rows, near, shared_seed=config.shared_seed)
        number += 1
    lost = [
        {"row": row, "reason": reason, "keeper": rows.ids[keeper]}
        for row, reason, keeper in sorted(decisions)
    ]
    write_parquet(context.work / _DECISIONS, pa.Table.from_pylist(lost, schema=_DECISION_SCHEMA))
    summary = {"pairs_similar": {name: len(one.pairs) for name, one in near.items()}, "rounds": number}
    write_json(done, summary)
    return summary


def _facts(context: StageContext, shards: list[Shard]) -> _Rows:
    table = pa.concat_tables(
        [read_parquet(context.work / "facts" / shard.name) for shard in shards]
    ).to_pydict()
    sources = [shard.params["source"] for shard in shards]
    first = np.array([shard.params["first"] for shard in shards])
    count = len(table["id"])
    source = np.repeat(sources, np.diff([*first, count])).tolist()
    last = [not good for good in table["usable"]]
    keys = list(zip(last, source, table["id"], table["rest"], strict=True))
    order = sorted(range(count), key=keys.__getitem__)  # stable: rows that are all the same, by number
    ranks = np.empty(count, np.int64)
    ranks[order] = np.arange(count)
    usable = sum(table["usable"])
    texts = {name: table[name] for name in ("problem", "solution")}
    return _Rows(table["id"], table["seeds"], texts, order[:usable], ranks)


Decision = tuple[int, str, int]
"""(row, reason, the row that stays)."""


def choose(rows: _Rows, near: Mapping[str, _Near], *, shared_seed: bool) -> list[Decision]:
    """Go through the rows from the best on and drop what equals, resembles or shares its seeds with one that stays."""
    kept: dict[tuple[str, Any], int] = {}
    stays: set[int] = set()
    neighbours = {name: _neighbours(one.pairs, one.jaccards, rows.ranks) for name, one in near.items()}
    decisions: list[Decision] = []
    for row in rows.order:
        marks: list[tuple[str, Any]] = [(DUPLICATE, rows.ids[row])]
        marks += [(reason_of(name), rows.texts[name][row]) for name in near]
        if shared_seed:
            marks.append((SHARED_SEED, rows.seeds[row]))
        found = _lost_for(row, marks, kept, stays, neighbours)
        if found:
            decisions.append((row, *found))
            continue
        stays.add(row)
        kept.update({mark: row for mark in marks if mark[1] is not None})
    return decisions


def _lost_for(
    row: int, marks: Iterable[tuple[str, Any]], kept: Mapping[tuple[str, Any], int], stays: set[int],
    neighbours: Mapping[str, Mapping[int, list[int]]],
) -> tuple[str, int] | None:  # fmt: skip
    """Return why a row goes and for which one that stays, None if it stays; of equal reasons the first, the most similar."""
    nearby = {reason_of(name): found.get(row, ()) for name, found in neighbours.items()}
    for mark in marks:
        reason = mark[0]
        same = kept.get(mark) if mark[1] is not None else None
        if same is None:
            same = next((other for other in nearby.get(reason, ()) if other in stays), None)
        if same is not None:
            return reason, same
    return None


def reason_of(name: str) -> str:
    """Return the reason that is counted for a kind of text."""
    return f"near_duplicate:{name}"


def _neighbours(pairs: Ints, jaccards: Floats, ranks: Ints) -> dict[int, list[int]]:
    """Return for each row of a pair those similar to it, most similar first, at a tie the best."""
    lists: defaultdict[int, list[tuple[float, int, int]]] = defaultdict(list)
    for (a, b), jaccard in zip(pairs.tolist(), jaccards.tolist(), strict=True):
        lists[a].append((-jaccard, int(ranks[b]), b))
        lists[b].append((-jaccard, int(ranks[a]), a))
    return {row: [other for _, _, other in sorted(found)] for row, found in lists.items()}


def _look_further(
    context: StageContext, rows: _Rows, near: Mapping[str, _Near], decisions: list[Decision], number: int
) -> bool:
    """Compare what large buckets kept apart, as `near.deciding` does; tell whether there was anything to compare."""
    keepers = np.full(len(rows.ids), KEPT, np.int64)
    for row, _, keeper in decisions:
        keepers[row] = keeper
    asked = False
    for name, one in near.items():
        fresh = unseen_pairs(one.pairs, keepers, rows.ranks, one.seen)
        if len(fresh):
            folder = context.work / name / WORK_FOLDER / f"again-{number}"
            save(folder / "pairs.npy", np.ascontiguousarray(fresh.T))
            pairs, jaccards = one.compare(number, folder)
            one.seen = sorted_pairs(np.concatenate((one.seen, fresh)))
            one.pairs, one.jaccards = (
                np.concatenate((one.pairs, pairs)),
                np.concatenate((one.jaccards, jaccards)),
            )
            asked = True
    return asked


def write_shard(shard: Shard) -> dict[str, Any]:
    """Write the rows of one part that stay, why the others go, and those that cannot be used."""
    out, first = Path(shard.out), shard.params["first"]
    table = read_parquet(shard.inputs[0], SAMPLE_SCHEMA.names)
    usable = read_parquet(out / WORK_FOLDER / "facts" / shard.name, ["usable"]).column("usable").to_pylist()
    decisions = read_parquet(out / WORK_FOLDER / _DECISIONS)
    low, high = np.searchsorted(decisions.column("row").to_numpy(), [first, first + len(table)])
    leaving = {one["row"] - first: one for one in decisions.slice(low, high - low).to_pylist()}
    kept = table.filter(pa.array([good and at not in leaving for at, good in enumerate(usable)], pa.bool_()))
    dropped = [
        Lost(row["id"], why["reason"], why["keeper"], row=_as_text(row))
        for row, why in zip(
            table.take(pa.array(leaving, pa.int64())).to_pylist(), leaving.values(), strict=True
        )
    ]
    bad = [
        Lost(row["id"] or "", UNUSABLE, "no messages" if row["id"] else "no id", row=_as_text(row))
        for row in table.filter(pa.array([not good for good in usable])).to_pylist()
    ]
    if len(kept):
        write_parquet(out / shard.name, kept.cast(SAMPLE_SCHEMA))
    for split, lost in (("dropped", dropped), ("quarantine", bad)):
        if lost:
            write_parquet(out / split / shard.name, to_table(lost, LOST_SCHEMA))
    counts = Counts(len(table), len(kept), Counter(one.reason for one in dropped), len(bad))
    return {"counts": counts.to_json()}


def _as_text(row: Mapping[str, Any]) -> str:
    return json.dumps(row, ensure_ascii=False, sort_keys=True)
