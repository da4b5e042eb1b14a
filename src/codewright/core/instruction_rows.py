"""Instruction rows as several packages read them."""

from pathlib import Path

from codewright.core.errors import ConfigError
from codewright.core.io import read_parquet_metadata
from codewright.core.manifest import Dataset
from codewright.core.records import SAMPLE_SCHEMA


def instruction_parts(dataset: Dataset) -> list[Path]:
    """List a dataset's Parquet files. Raises ConfigError when these hold no instruction rows, DataError when one is damaged."""
    parts = dataset.parts()
    names = read_parquet_metadata(parts[0]).schema.to_arrow_schema().names if parts else SAMPLE_SCHEMA.names
    missing = [name for name in SAMPLE_SCHEMA.names if name not in names]
    if missing:
        raise ConfigError(
            f"{dataset.folder}: made by {dataset.manifest.stage}, holds no instruction rows (no column '{missing[0]}'); "
            "name a dataset of synth or decontam.run"
        )
    return parts
