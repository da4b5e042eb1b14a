"""Benchmarks; the file name is the benchmark."""
