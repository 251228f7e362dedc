"""The errors that users of the simulator can meet; each class is one sentence."""


class SimulationError(Exception):
    """Raised when a simulation reaches a state that its model does not allow, such as a negative service time."""


class DecisionError(SimulationError):
    """Raised when a decision is answered twice, not at all, or with a place that is not among its candidates."""
