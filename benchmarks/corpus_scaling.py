"""Corpora made out of the benchmark corpus, and how time and memory of near deduplication grow with them; part of corpus.py."""

import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from measuring import table_head, table_row

PART_BYTES = 16_000_000
"""Source bytes of a part, as in the corpus."""


def rows_of(corpus: Path) -> Iterator[dict[str, Any]]:
    """Yield what the rows of the corpus hold."""
    import pyarrow.parquet as pq

    for part in sorted(corpus.glob("part-*.parquet")):
        yield from pq.read_table(part, columns=["id", "content", "path", "repo", "language"]).to_pylist()


def write(out: Path, documents: Iterable[Any], mark: str) -> None:
    """Write a finished dataset."""
    from codewright.core.io import write_parquet
    from codewright.core.manifest import Counts, Manifest, part_name
    from codewright.core.records import DOCUMENT_SCHEMA, to_table

    held: list[Any] = []
    count = number = size = 0
    for document in documents:
        held.append(document)
        size += len(document.content)
        count += 1
        if size >= PART_BYTES:
            write_parquet(out / part_name(number), to_table(held, DOCUMENT_SCHEMA))
            number, size, held = number + 1, 0, []
    if held:
        write_parquet(out / part_name(number), to_table(held, DOCUMENT_SCHEMA))
    counts = Counts(count, count)
    Manifest("corpus.build", "corpus", {}, mark, {}, counts, 0, None, 0.0, {}).write(out)


def by_hash(corpus: Path, out: Path) -> None:
    """Write the corpus in the order of its files' hashes."""
    from codewright.core.records import Document

    rows = sorted(rows_of(corpus), key=lambda row: str(row["id"]))
    write(out, (Document(**row) for row in rows), "by hash")


VERSIONS = 7
"""Versions of every file: with the whole corpus they make 4 GB."""


def variants(corpus: Path, out: Path, gigabytes: float) -> None:
    """Write VERSIONS versions of a sample of the corpus, one after the other: files renamed, and every 40th line changed.

    The sample goes by path, so that releases of one package that share a path are taken together.
    """
    from codewright.core.manifest import Dataset
    from codewright.core.records import Document, content_id
    from codewright.core.rng import stable_hash

    share = gigabytes * 1e9 / VERSIONS / Dataset(corpus).manifest.details["bytes_kept"]

    def documents() -> Iterator[Document]:
        for turn in range(VERSIONS):
            for row in rows_of(corpus):
                if stable_hash("sample", row["path"]) / 2**64 >= share:
                    continue
                lines = row["content"].split("\n")
                for at in range(turn % 40, len(lines), 40) if turn else ():
                    lines[at] += f" v{turn}_{at}"
                text = "\n".join(lines)
                path, repo = f"v{turn}/{row['path']}", f"{row['repo']}-{turn}"
                yield Document(content_id(text), text, path, repo, row["language"])

    write(out, documents(), f"{gigabytes}")


Measure = Callable[[Path], dict[str, Any]]


def scaling(
    corpus: Path, sizes: list[float], scratch: Path, repetitions: int, measure: Measure
) -> list[dict[str, Any]]:
    """Print time and memory at growing sizes; returns the best round of each."""
    rounds: dict[float, list[dict[str, Any]]] = {size: [] for size in sizes}
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        for size in sizes:
            variants(corpus, Path(folder) / str(size), size)
        for _ in range(repetitions):
            for size, found in rounds.items():
                found.append(measure(Path(folder) / str(size)))
    best = [min(found, key=lambda one: one["cpu_s"]) for found in rounds.values()]
    print(table_head("GB", "CPU-s", "rounds", "MB/s per CPU-s", "with writing", "peak MB", "dropped"))
    for one, found in zip(best, rounds.values(), strict=True):
        every = ", ".join(f"{other['cpu_s']:.1f}" for other in found)
        rate, whole = one["mb"] / one["cpu_s"], one["mb"] / (one["cpu_s"] + one["writing_s"])
        cells = (f"{one['mb'] / 1e3:.2f}", f"{one['cpu_s']:.1f}", every, f"{rate:.0f}", f"{whole:.0f}")
        print(table_row(*cells, f"{one['rss_mb']:.0f}", f"{one['dropped']:,}"), flush=True)
    for one in best:
        print(f"{one['mb'] / 1e3:.2f} GB, CPU seconds by pass: {one['passes']}")
    return best


STYLE = """.grid { stroke: #ddd } .axis { stroke: #888 } .curve { fill: none; stroke: #2a6fb0; stroke-width: 2 }
.point { fill: #2a6fb0 } text { font: 12px sans-serif; fill: #555 } rect { fill: white }"""


def draw(found: list[dict[str, Any]], plot: Path) -> None:
    """Write time and memory over size as one SVG file."""
    from markupsafe import Markup

    from codewright.core.io import write_text
    from codewright.report.charts import BELOW, HEIGHT, TOP, element, line_chart

    height = TOP + HEIGHT + BELOW + 30
    charts = []
    for at, (key, name) in enumerate((("cpu_s", "CPU seconds"), ("rss_mb", "peak memory of the worker, MB"))):
        points = [(one["mb"] / 1e3, one[key]) for one in found]
        chart = line_chart(points, label=name, x_name="GB of text", y_name=name, zero=True)
        title = element("text", f"{name} of near deduplication", x=10, y=16)
        inner = element("g", chart, transform="translate(0 25)")
        charts.append(element("g", title, inner, transform=f"translate(0 {at * height})"))
    style = Markup("<style>{}</style>").format(STYLE)
    ground = element("rect", width="100%", height="100%")
    picture = element(
        "svg", style, ground, *charts, xmlns="http://www.w3.org/2000/svg", width=640, height=2 * height
    )
    write_text(plot, picture + "\n")
