"""Waiting lines: `append` a job, `popleft` the next, `remove` one that gives up, iterate over those waiting."""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from simulator.call import Job


class LastFirst(list["Job"]):
    """The job that came last is next."""

    __slots__ = ()

    def popleft(self) -> Job:
        return self.pop()


class AnyOrder(list["Job"]):
    """Any job is next."""

    __slots__ = ("generator",)

    def __init__(self, generator: np.random.Generator):
        super().__init__()
        self.generator = generator

    def popleft(self) -> Job:
        i = int(self.generator.integers(len(self)))
        self[i], self[-1] = self[-1], self[i]
        return self.pop()


class ByPriority:
    """The smallest priority is next, ties in order of arrival; `push_back` puts an interrupted job at the head of its class."""

    __slots__ = ("heap", "back", "front")

    def __init__(self) -> None:
        self.heap: list[tuple[int, int, Job]] = []
        self.back = 0
        self.front = 0

    def __len__(self) -> int:
        return len(self.heap)

    def __iter__(self) -> Iterator[Job]:
        return (job for _, _, job in self.heap)

    def append(self, job: Job) -> None:
        self.back += 1
        heappush(self.heap, (job.vertex.priority, self.back, job))

    def push_back(self, job: Job) -> None:
        self.front -= 1
        heappush(self.heap, (job.vertex.priority, self.front, job))

    def popleft(self) -> Job:
        return heappop(self.heap)[2]

    def remove(self, job: Job) -> None:
        self.heap = [entry for entry in self.heap if entry[2] is not job]
        heapify(self.heap)
