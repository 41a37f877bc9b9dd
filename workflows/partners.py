"""What partners have told about the items of one order: early, late, repeated and out of order."""

from domain.provisioning import CallbackStatus, PartnerCallback

ENDS = frozenset({CallbackStatus.completed, CallbackStatus.failed})


class Mail:
    """The latest word per item. A message that is older than what is known, or repeats it, changes nothing."""

    def __init__(self) -> None:
        self._latest: dict[str, PartnerCallback] = {}
        self._sequence: dict[str, int] = {}
        self._seen: set[str] = set()

    def take(self, item: str, message_id: str, callback: PartnerCallback) -> bool:
        """Whether it says anything new. A final word stands against later ones that are not final."""
        known = self._latest.get(item)
        repeated = message_id in self._seen
        self._seen.add(message_id)
        outdated = callback.sequence <= self._sequence.get(item, -1)
        overruled = known is not None and known.status in ENDS and callback.status not in ENDS
        if repeated or outdated or overruled:
            return False
        self._latest[item] = callback
        self._sequence[item] = callback.sequence
        return True

    def final(self, item: str) -> PartnerCallback | None:
        """The partner's final word on an item, once it has come."""
        callback = self._latest.get(item)
        return callback if callback is not None and callback.status in ENDS else None

    def forget(self, item: str) -> None:
        """The item is tried again: an earlier final word no longer counts, nor does any message before it."""
        self._latest.pop(item, None)
