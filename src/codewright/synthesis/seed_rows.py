"""Instruction rows that a method starts from: those of a finished dataset, or of a file as others publish them."""

from itertools import count, islice
from pathlib import Path

from codewright.core.io import read_parquet, write_parquet
from codewright.core.manifest import part_name
from codewright.core.records import LOST_SCHEMA, SAMPLE_SCHEMA, Lost, Sample, to_table
from codewright.synthesis.outcomes import ROWS_A_PART, UNUSABLE
from codewright.synthesis.row_files import read_samples


def parts_of_file(path: Path, folder: Path) -> tuple[list[Path], list[Lost]]:
    """Bring a file's rows into Parquet files of ours in `folder`; returns these, and what could not be read.

    Raises DataError when the file as a whole cannot be read. What was done before is left as it is.
    """
    done = folder / "unusable.parquet"
    if not done.exists():
        lost: list[Lost] = []
        rows = iter(read_samples(path))
        for number in count():
            some = list(islice(rows, ROWS_A_PART))
            if not some:
                break
            lost += [_unusable(one) for one in some if isinstance(one, Lost)]
            samples = [one for one in some if isinstance(one, Sample)]
            write_parquet(folder / part_name(number), to_table(samples, SAMPLE_SCHEMA))
        write_parquet(done, to_table(lost, LOST_SCHEMA))
    return sorted(folder.glob("part-*.parquet")), [Lost(**row) for row in read_parquet(done).to_pylist()]


def _unusable(one: Lost) -> Lost:
    return Lost(
        one.id, UNUSABLE, f"{one.reason}: {one.detail}" if one.detail else one.reason, one.path, one.row
    )
