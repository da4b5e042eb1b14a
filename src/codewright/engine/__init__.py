"""Engines run shard tasks with completion markers; stages are written once and run in a pool or, later, on a cluster."""
