"""Randomness that depends on the run's seed and on what it is for, never on order of arrival or on shards."""

import hashlib
import random


def stable_hash(*keys: object) -> int:
    """Hash keys to 64 bits, the same in every process and on every machine (unlike `hash`)."""
    text = "\x1f".join(str(key) for key in keys)
    return int.from_bytes(
        hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little"
    )


def rng_for(seed: int, *keys: object) -> random.Random:
    """Make the generator for one thing, e.g. `rng_for(seed, "drills", row_number)`."""
    return random.Random(stable_hash(seed, *keys))
