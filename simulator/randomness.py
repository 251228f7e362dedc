"""Random streams: a draw belongs to a key, never to the order of events.

Every stream is `SeedSequence(root, spawn_key=(replication, hash(name), ...))`, so two policies meet the same world (common
random numbers) and adding a node, a source or a spike changes nobody else's draws.
"""

import hashlib

import numpy as np


def stable_hash(name: str) -> int:
    """A 64-bit hash of `name` that is the same in every process and version (blake2b, never Python's `hash`)."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "big")


class Streams:
    """Generators by key for one replication of one root seed."""

    __slots__ = ("counted", "replication", "root")

    def __init__(self, root: int, replication: int = 0):
        if root < 0 or replication < 0:
            raise ValueError(f"seed and replication must be >= 0, got {root} and {replication}")
        self.root = root
        self.counted: dict[tuple[str | int, ...], np.ndarray] = {}  # Philox keys by draw
        self.replication = replication

    def sequence(self, *key: str | int) -> np.random.SeedSequence:
        """The seed sequence of `key`; strings are hashed, integers are used as they are."""
        words = tuple(stable_hash(part) if isinstance(part, str) else part for part in key)
        return np.random.SeedSequence(self.root, spawn_key=(self.replication, *words))

    def generator(self, *key: str | int) -> np.random.Generator:
        """A fresh PCG64 generator for `key`; the same key always gives the same draws from the start."""
        return np.random.Generator(np.random.PCG64(self.sequence(*key)))

    def later(self, number: int, lane: int, *key: str | int) -> np.random.Generator:
        """A Philox generator for request `number`'s later attempt or copy `lane` of the draw `key`: reached without drawing any other."""
        words = self.counted.get(key)
        if words is None:
            words = self.counted[key] = self.sequence("later", *key).generate_state(2, np.uint64)
        return np.random.Generator(np.random.Philox(key=words, counter=(lane << 128) | (number << 64)))
