"""The one error a person is meant to read."""


class ColorizeError(Exception):
    """One clear line for a person: what was expected, what was found, and where.

    ``status`` is the process exit status: 2 for wrong usage, 1 for a file or a run that failed.
    """

    def __init__(self, message: str, status: int = 2):
        super().__init__(message)
        self.status = status
