"""A stream of non-negative measurements in bounded memory: exact while it is short, a fine logarithmic histogram after that.

Arrays are kept as they come until `EXACT` values are there, and from then on all is folded into bins that are equal on a
logarithmic scale, 1/1024 of an octave wide: a quantile is then right to 0.07 %. Sums are exact in either form.
"""

import numpy as np

EXACT = 131_072
BINS = 1024  # bins an octave
LOWEST = -40  # 2**-40 s is 0.9 ps: everything below counts as zero


class Samples:
    """Measurements that come in arrays."""

    __slots__ = ("chunks", "count", "counts", "kept", "largest", "offset", "squares", "total", "zeros")

    def __init__(self) -> None:
        self.chunks: list[np.ndarray] = []
        self.kept = 0
        self.counts: np.ndarray | None = None  # histogram once folded
        self.offset = 0  # bin number of counts[0]
        self.zeros = 0
        self.count = 0
        self.total = 0.0
        self.squares = 0.0
        self.largest = 0.0

    def absorb(self, values: np.ndarray) -> None:
        """Takes an array of values."""
        if not len(values):
            return
        self.count += len(values)
        self.total += float(values.sum())
        self.squares += float(np.square(values).sum())
        self.largest = max(self.largest, float(values.max()))
        self.chunks.append(values)
        self.kept += len(values)
        if self.counts is not None or self.kept > EXACT:
            self._bin()

    def _bin(self) -> None:
        values = np.concatenate(self.chunks)
        self.chunks, self.kept = [], 0
        positive = values[values > 2.0**LOWEST]
        self.zeros += len(values) - len(positive)
        bins = np.floor(np.log2(positive) * BINS).astype(np.int64)
        low, high = (int(bins.min()), int(bins.max())) if len(bins) else (0, 0)
        self._span(low, high)
        assert self.counts is not None
        self.counts += np.bincount(bins - self.offset, minlength=len(self.counts))

    def _span(self, low: int, high: int) -> None:
        """Makes the histogram cover the bins low .. high."""
        if self.counts is None:
            self.offset, self.counts = low, np.zeros(high - low + 1, dtype=np.int64)
            return
        start, end = min(low, self.offset), max(high, self.offset + len(self.counts) - 1)
        if start < self.offset or end >= self.offset + len(self.counts):
            wider = np.zeros(end - start + 1, dtype=np.int64)
            wider[self.offset - start : self.offset - start + len(self.counts)] = self.counts
            self.offset, self.counts = start, wider

    def merge(self, other: "Samples") -> None:
        """Adds all that `other` has recorded."""
        self.count += other.count
        self.total += other.total
        self.squares += other.squares
        self.largest = max(self.largest, other.largest)
        self.zeros += other.zeros
        if other.counts is not None and len(other.counts):
            self._span(other.offset, other.offset + len(other.counts) - 1)
            assert self.counts is not None
            self.counts[other.offset - self.offset : other.offset - self.offset + len(other.counts)] += other.counts
        self.chunks.extend(other.chunks)
        self.kept += other.kept
        if (self.counts is not None or self.kept > EXACT) and self.chunks:
            self._bin()

    @property
    def exact(self) -> bool:
        """Whether every value is still there."""
        return self.counts is None

    def mean(self) -> float:
        """The mean, NaN without values."""
        return self.total / self.count if self.count else float("nan")

    def fraction_above(self, bound: float) -> float:
        """The share of values above `bound`, which is above 0; to a bin's width once binned."""
        if self.count == 0:
            return float("nan")
        if self.counts is None:
            return float(sum(int((chunk > bound).sum()) for chunk in self.chunks)) / self.count
        first = int(np.floor(np.log2(bound) * BINS)) + 1 - self.offset
        return float(self.counts[max(first, 0) :].sum()) / self.count

    def fraction_positive(self) -> float:
        """The share of values above 1e-12 (waits below that are zero), NaN without values."""
        if not self.count:
            return float("nan")
        if self.counts is None:
            return float(np.count_nonzero(np.concatenate(self.chunks) > 1e-12)) / self.count
        return (self.count - self.zeros) / self.count

    def quantile(self, q: float) -> float:
        """The order statistic x_(ceil(n q)), or the middle of its bin once folded; NaN without values."""
        if not self.count:
            return float("nan")
        rank = max(int(np.ceil(self.count * q)), 1)
        if self.counts is None:
            return float(np.partition(np.concatenate(self.chunks), rank - 1)[rank - 1])
        if rank <= self.zeros:
            return 0.0
        place = int(np.searchsorted(np.cumsum(self.counts), rank - self.zeros))
        return min(2.0 ** ((self.offset + place + 0.5) / BINS), self.largest)
