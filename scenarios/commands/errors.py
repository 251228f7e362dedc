"""Which errors are the user's to mend, and so end in one sentence instead of a traceback."""

from __future__ import annotations


def user_errors() -> tuple[type[Exception], ...]:
    """Error classes whose text says where and what to change."""
    from agents.checkpoint import CheckpointError
    from agents.recording import RecordingError
    from scenarios.imports.writing import WriteError
    from scenarios.policies import PolicyError, PolicyFailure
    from scenarios.problems import ScenarioError
    from scenarios.readers import InputError
    from scenarios.results import ResultsError
    from scenarios.targets import TargetError
    from scenarios.training import TrainingError
    from simulator.errors import SimulationError

    own = (RecordingError, ScenarioError, PolicyError, PolicyFailure, ResultsError, TargetError, TrainingError)
    return *own, CheckpointError, InputError, WriteError, SimulationError
