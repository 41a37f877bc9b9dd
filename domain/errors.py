"""What can go wrong, in the words the rest of the code decides by.

TurnupError
├── BadInput      what was sent is wrong: names the field and what would be right
├── Conflict      right in itself, but not in the present state
├── NotFound      no such record
├── Refused       an outside system gave a definite no
├── Unavailable   it certainly did not happen: try again
└── Unknown       it may have happened: ask with the same key before deciding
"""


class TurnupError(Exception):
    """The root of every error this product raises on purpose."""


class BadInput(TurnupError):
    """`field` is a path such as ``items[0].quantity``; `message` says what would be right."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


class Conflict(TurnupError):
    """The request is well formed but the present state does not allow it."""


class NotFound(TurnupError):
    """`kind` and `key` name what was looked for."""

    def __init__(self, kind: str, key: str) -> None:
        super().__init__(f"there is no {kind} {key}")
        self.kind = kind
        self.key = key


class Refused(TurnupError):
    """A definite no from an outside system. Retrying the same request cannot help."""

    def __init__(self, message: str, code: str = "refused") -> None:
        super().__init__(message)
        self.code = code


class Unavailable(TurnupError):
    """The call certainly had no effect; the same call may be tried again."""


class Unknown(TurnupError):
    """The call may have had its effect. Ask for its status with the same key before anything else."""
