"""Sends what customers are to be told, from committed rows alone: each once, and a customer's in order.

One runs in each worker process, and any number may. A row is leased while it is sent; whoever dies between sending it and
saying so has it sent again, under the same message id, which is what mail systems and webhooks tell repetitions by.
"""

import asyncio
from datetime import UTC, datetime, timedelta

import structlog

from activities.adapters.notifications.port import Notifier
from activities.adapters.notifications.texts import Texts
from activities.store import exports, messages
from activities.store.database import Database
from domain.errors import Refused, TurnupError
from domain.messages import Message, MessageKind, MessageState

EVERY = 2.0
PAGE = 20
SEND_SECONDS = 60.0
LEASE = timedelta(seconds=90)
MOST_ATTEMPTS = 40
"""Over nearly a day and a half: a mail server may be down over a night, but what comes days late tells what is no longer so."""
LONGEST_WAIT = 3600

log = structlog.get_logger()


class Messenger:
    def __init__(self, database: Database, notifier: Notifier, texts: Texts | None = None) -> None:
        self._database = database
        self._notifier = notifier
        self._texts = texts or Texts()

    async def run(self) -> None:
        """Send until cancelled."""
        while True:
            try:
                while await self.send_page(datetime.now(UTC)):
                    pass
            except TurnupError as error:
                log.warning("messages put off", reason=str(error))
            await asyncio.sleep(EVERY)

    async def send_page(self, now: datetime) -> int:
        """How many were taken."""
        async with self._database.transaction() as connection:
            due = await messages.claim(connection, now, now + LEASE, PAGE)
        await asyncio.gather(*(self._try(each, now) for each in due))
        return len(due)

    async def _try(self, message: Message, now: datetime) -> None:
        """What cannot be sent must keep back no other customer's."""
        try:
            async with asyncio.timeout(SEND_SECONDS):
                state, error = (MessageState.sent if await self._send(message) else MessageState.kept), None
        except Refused as refused:
            state, error = MessageState.failed, str(refused)
        except (TurnupError, TimeoutError) as trouble:
            error = str(trouble) or f"not sent within {SEND_SECONDS:.0f} s"
            state = _after_trouble(message)
        except Exception as bug:  # one message that cannot be written must not keep back those of everybody
            log.exception("message not written", key=message.key)
            state, error = _after_trouble(message), f"an error of the software ({type(bug).__name__}), which the log describes"
        if error is not None:
            log.warning("message not sent", key=message.key, reason=error, given_up=state is MessageState.failed)
        async with self._database.transaction() as connection:
            if state is MessageState.waiting:
                await messages.put_off(connection, message.key, error or "", now + _pause(message.attempts))
            else:
                await messages.done(connection, message.key, state, datetime.now(UTC), error)

    async def _send(self, message: Message) -> bool:
        async with self._database.transaction() as connection:
            name, email, country = await messages.addressee(connection, message.customer)
            tells_where = message.kind is MessageKind.exported
            address = await exports.address(connection, message.key) if tells_where else ""
        if address is None:
            raise Refused("what it tells of cannot be fetched any more", "gone")
        return await self._notifier.send(self._texts.letter(message, name, email, country, address))


def _after_trouble(message: Message) -> MessageState:
    return MessageState.failed if message.attempts >= MOST_ATTEMPTS else MessageState.waiting


def _pause(attempts: int) -> timedelta:
    return timedelta(seconds=min(5 * 2 ** min(attempts, 10), LONGEST_WAIT))
