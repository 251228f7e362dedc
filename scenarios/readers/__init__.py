"""Readers of outside formats: traces, topologies, columns of numbers."""


class InputError(Exception):
    """Raised when an input file cannot be read as what it was declared to be; the message says where and what to change.

    `key` is the key of the scenario that the sentence is about, where it is not the file itself.
    """

    def __init__(self, message: str, key: str = "file"):
        super().__init__(message)
        self.key = key
