"""Who collects rollouts: the groups of a plan, in this process or dealt to worker processes; results are the same bit for bit.

Workers keep their simulations from one window to the next and are sent the policy's weights with every window. They act on the
CPU, one thread each; a group's call of the policy has the same rows wherever it runs.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from agents.forecast import Forecast, Weights
from agents.rollout import Group, Plan, Window

if TYPE_CHECKING:
    from agents.networks import Sizes

Place = tuple[int, list[int]]  # an environment's episode and its actions in it


class Part:
    """Some groups of a plan with a policy of their own to act by."""

    def __init__(self, plan: Plan, sizes: Sizes, agents: int, numbers: Sequence[int]):
        import torch

        from agents.networks import Policy

        torch.set_num_threads(1)
        self.groups = [Group(plan, plan.groups()[number]) for number in numbers]
        self.policy = Policy(sizes, plan.settings, agents, 0)

    def begin(self) -> None:
        """Starts every first episode."""
        for group in self.groups:
            group.begin()

    def collect(self, weights: Weights, window: int, forecast: Weights | None = None) -> list[Window]:
        """One window of every group."""
        import torch

        from agents.learner import acting

        self.policy.load_state_dict({name: torch.from_numpy(value) for name, value in weights.items()})
        foreseen = Forecast(forecast) if forecast is not None else None
        return [group.collect(acting(self.policy), window, foreseen) for group in self.groups]

    def places(self) -> list[list[Place]]:
        """Where every environment is, by group."""
        return [[(environment.episode, environment.actions) for environment in group.environments] for group in self.groups]

    def restore(self, places: Sequence[Sequence[Place]]) -> None:
        """Brings every environment back to where it was."""
        for group, of in zip(self.groups, places, strict=True):
            for environment, (episode, actions) in zip(group.environments, of, strict=True):
                environment.replay(episode, actions)


class Crew:
    """All groups of a plan; `workers` 1 keeps them in this process. Close it, or use it as a context."""

    def __init__(self, plan: Plan, sizes: Sizes, agents: int, workers: int = 1):
        groups = len(plan.groups())
        workers = max(1, min(workers, groups))
        self.shares = [list(share) for share in np.array_split(np.arange(groups), workers)]
        self.here = Part(plan, sizes, agents, self.shares[0]) if workers == 1 else None
        self.lines: list[Any] = []
        self.processes: list[Any] = []
        if self.here is None:
            from multiprocessing import get_context

            context = get_context("spawn")
            for share in self.shares:
                line, end = context.Pipe()
                process = context.Process(target=work, args=(end, plan, sizes, agents, share), daemon=True)
                process.start()
                end.close()
                self.lines.append(line)
                self.processes.append(process)

    def begin(self) -> None:
        """Starts every first episode."""
        self.each("begin", [()] * len(self.shares))

    def collect(self, weights: Weights, window: int, forecast: Weights | None = None) -> Window:
        """Window number `window` of all groups."""
        found = self.each("collect", [(weights, window, forecast)] * len(self.shares))
        return Window.of([part for share in found for part in share])

    def places(self) -> list[Place]:
        """Where every environment is, in order of their numbers."""
        return [place for share in self.each("places", [()] * len(self.shares)) for group in share for place in group]

    def restore(self, places: Sequence[Place]) -> None:
        """Brings every environment back to where it was."""
        from agents.rollout import GROUP

        groups = [places[begin : begin + GROUP] for begin in range(0, len(places), GROUP)]
        self.each("restore", [([groups[number] for number in share],) for share in self.shares])

    def each(self, name: str, arguments: Sequence[tuple[Any, ...]]) -> list[Any]:
        """Calls a method of every part; an error in a worker is raised here."""
        if self.here is not None:
            return [getattr(self.here, name)(*arguments[0])]
        for line, given in zip(self.lines, arguments, strict=True):
            line.send((name, given))
        answers = [line.recv() for line in self.lines]
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer
        return answers

    def close(self) -> None:
        """Ends the workers."""
        for line in self.lines:
            line.close()
        for process in self.processes:
            process.join(timeout=5.0)
            if process.is_alive():
                process.terminate()
        self.lines, self.processes = [], []

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def work(line: Any, *given: Any) -> None:
    """A worker: does what comes along its line until that is closed. An interrupt is its parent's to handle."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    part: Part | None = None
    while True:
        try:
            name, arguments = line.recv()
        except EOFError:
            return
        try:
            part = part or Part(*given)
            call: Callable[..., Any] = getattr(part, name)
            answer = call(*arguments)
        except Exception as error:
            answer = error
        line.send(answer)


def weights_of(policy: Any) -> Weights:
    """A policy's weights as plain arrays."""
    return {name: value.detach().cpu().numpy().copy() for name, value in policy.state_dict().items()}
