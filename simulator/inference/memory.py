"""KV memory: the cache of attention keys and values, in blocks of a fixed number of tokens (paged attention, Kwon et al. 2023)."""

from __future__ import annotations


class Blocks:
    """Blocks of one engine: `free` of `total`."""

    __slots__ = ("free", "size", "total", "watermark")

    def __init__(self, total: int, size: int, watermark: float):
        self.total = total
        self.free = total
        self.size = size  # tokens a block
        self.watermark = int(watermark * total)  # blocks that a newcomer must leave free

    def needed(self, tokens: int) -> int:
        """Blocks that `tokens` take."""
        return -(-tokens // self.size)

    def room(self) -> int:
        """Tokens that a single request may have in the cache."""
        return self.total * self.size

    def fits(self, tokens: int) -> bool:
        """Whether a single request with that many tokens in the cache fits at all."""
        return tokens <= self.room()

    def take(self, blocks: int) -> None:
        """Hands out blocks that are free."""
        self.free -= blocks

    def give_back(self, blocks: int) -> None:
        """Takes blocks back."""
        self.free += blocks
