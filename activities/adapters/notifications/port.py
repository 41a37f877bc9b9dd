"""What every way of telling customers something can do."""

from typing import Protocol

from domain.messages import Letter


class Notifier(Protocol):
    async def send(self, letter: Letter) -> bool:
        """Send it under its key, which is its message id: whoever gets it twice can tell. False where it is sent to nobody.
        Raises Refused where it never can be sent, Unavailable and Unknown where it may be sent again. No error names the
        customer's address."""
        ...


class Outbox:
    """Nothing is sent: the messages are kept, to be looked at."""

    async def send(self, letter: Letter) -> bool:
        return False
