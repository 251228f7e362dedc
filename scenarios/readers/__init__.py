"""Readers of outside formats: traces, topologies, columns of numbers."""


class InputError(Exception):
    """Raised when an input file cannot be read as what it was declared to be; the message says where and what to change."""
