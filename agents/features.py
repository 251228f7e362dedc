"""What an observation holds, feature by feature: name, range, meaning. `agents.observation` fills them in this order.

Times are squashed by the application's own scale T0 (the midpoint of its utility, else its objective, else twice the mean work of
its longest path): t / (t + T0), which is 0 for none, 1/2 at T0 and 1 for ever; counts are squashed as n / (n + 1). So all of them fit any
scenario, node and number of slots.
"""

from __future__ import annotations

from typing import NamedTuple


class Feature(NamedTuple):
    """One number of an observation."""

    name: str
    low: float
    high: float
    meaning: str


OWN = (
    Feature("elapsed", 0, 1, "time since the request arrived, squashed"),
    Feature("slack", -1, 1, "time left of the time-out, else the objective, else T0, over T0"),
    Feature("remaining_path", 0, 1, "mean work of the longest path from this call to the end at speed 1, its fastest variants, squashed"),
    Feature("remaining_calls", 0, 1, "calls on that path, squashed"),
    Feature("mean_work", 0, 1, "mean work of the call's fastest variant at speed 1, squashed"),
    Feature("prompt", 0, 1, "prompt tokens of the request over those and the trace's mean; 0 where there are no tokens"),
    Feature("input_bits", 0, 1, "bits of all inputs over those and the routing's reference size"),
    Feature("tries", 0, 1, "tries before this one, squashed"),
    Feature("hedge", 0, 1, "1 for the second copy of a hedge"),
    Feature("own_load", 0, 1, "jobs present on the agent's node over its workers, squashed"),
    Feature("own_recent", 0, 1, "how long the last visits there took, over their work at full speed (r), as 1 - 1/r"),
    Feature("own_slowness", 0, 1, "full speed over its present pace (s), as 1 - 1/s; 0 where paces are not told"),
    Feature("own_speed", 0, 1, "speed of the agent's node, squashed"),
    Feature("pause", 0, 1, "time since the agent's last decision, squashed"),
)

SLOT = (
    Feature("load", 0, 1, "outstanding calls there over its workers, squashed"),
    Feature("own_calls", 0, 1, "the agent's own calls among them that are not in the snapshot, over its workers, squashed; 0 under exact telemetry"),
    Feature("wait", 0, 1, "expected time in queue there, loading of its model included, squashed"),
    Feature("recent", 0, 1, "how long the last visits there took, over their work at full speed (r), as 1 - 1/r"),
    Feature("slowness", 0, 1, "full speed over the server's present pace (s), as 1 - 1/s: a spike there; 0 where paces are not told"),
    Feature("outcomes", 0, 1, "how long the agent's own calls there took lately, over what it expected (r), as 1 - 1/r; forgotten at 1 / 15 s"),
    Feature("overdue", 0, 1, "how long its most belated call there has taken so far, over what it expected (r), as 1 - 1/r"),
    Feature("age", 0, 1, "age of the snapshot, squashed"),
    Feature("resident", 0, 1, "1 where its model is in memory, or it needs none"),
    Feature("transfer", 0, 1, "time the slowest input takes to it over empty links, squashed"),
    Feature("delay", 0, 1, "transfer, wait and mean service together, squashed"),
    Feature("service", 0, 1, "mean work of the variant over the node's speed, squashed"),
    Feature("quality", 0, 1, "quality of the variant"),
    Feature("distance", 0, 1, "propagation of the route to it when the run began, squashed"),
    Feature("speed", 0, 1, "speed of its workers, squashed"),
    Feature("workers", 0, 1, "number of its workers over that and the mean of all nodes'"),
    Feature("local", 0, 1, "1 on the agent's own node"),
    Feature("there", 0, 1, "1 for a slot, 0 for padding"),
)

NODE = (
    Feature("load", 0, 1, "jobs present at its stations over their workers, squashed"),
    Feature("waiting", 0, 1, "jobs waiting there over its workers, squashed"),
    Feature("wait", 0, 1, "expected work of the jobs present over its workers and speed, squashed by the longest T0"),
    Feature("recent", 0, 1, "how long the last visits there took, over their work at full speed (r), as 1 - 1/r; the worst station's"),
    Feature("slowness", 0, 1, "full speed over its present pace (s), as 1 - 1/s; the worst station's"),
    Feature("speed", 0, 1, "its speed, squashed"),
    Feature("workers", 0, 1, "number of its workers over that and the mean of all nodes'"),
    Feature("down", 0, 1, "1 while it is out of order"),
)


def classes(names: tuple[str, ...]) -> tuple[Feature, ...]:
    """One feature a work class, which is the call's service."""
    return tuple(Feature(f"class:{name}", 0, 1, f"1 where the call is for {name}") for name in names)
