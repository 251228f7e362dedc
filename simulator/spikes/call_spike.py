"""Call spikes: now and then one call takes far longer, by a heavy-tailed factor or addition.

With probability p a call's work is multiplied by `factor` and has `add` added (work at reference speed); drawn for the call's
key, wherever it will run, and applied at service start.
"""

from typing import Literal

from simulator.descriptions import description
from simulator.laws import NumberLaw, TimeLaw
from simulator.places import Nodes
from simulator.units import Share


@description
class CallSpike:
    """With probability `probability` a call's work is multiplied by `factor`, or has `add` added to it, where it runs on `nodes`; drawn at service start."""

    name: str
    services: tuple[str, ...] | Literal["all"]
    probability: Share
    factor: NumberLaw | None = None
    add: TimeLaw | None = None
    nodes: Nodes | None = None
    kind: Literal["call_spike"] = "call_spike"

    def problem(self) -> str | None:
        """What is wrong with the parameters, in one sentence, or None."""
        if (self.factor is None) == (self.add is None):
            return "give either 'factor' (a law of numbers) or 'add' (a law of times)"
        if self.nodes is not None and self.nodes.one_at_random:
            return "nodes must be a place without one_of: call spikes have no episodes"
        return None

    def touches(self, service: str) -> bool:
        """Whether calls of `service` can be hit."""
        return self.services == "all" or service in self.services
