"""From folders of raw files to a clean, deduplicated corpus with provenance."""
