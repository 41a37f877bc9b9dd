"""One effect per idempotency key, whatever the network does to the answers."""

import hashlib
from collections.abc import Callable

from pydantic import BaseModel

from workers.sandbox.journal import Journal
from workers.sandbox.replies import Problem, Reply


def fingerprint(action: str, body: BaseModel | None) -> str:
    """Tells requests apart without keeping what was in them."""
    content = "" if body is None else body.model_dump_json()
    return hashlib.sha256(f"{action}\n{content}".encode()).hexdigest()


def once(journal: Journal, scope: str, key: str, request: str, act: Callable[[], Reply]) -> Reply:
    """The first reply to `key` within `scope`, acting for it if there is none; all in one transaction.

    `request` is the fingerprint; the same key with another one is a conflict. A problem, and a reply that asks for
    it, is not remembered, so that the key stays good for another try.
    """
    with journal.transaction():
        known = journal.one("SELECT * FROM answers WHERE scope = ? AND key = ?", scope, key)
        if known is not None:
            if known["fingerprint"] != request:
                raise Problem(409, "idempotency_conflict", "this idempotency key came before with another request")
            return Reply(known["status"], known["content"])
        reply = act()
        if reply.remember:
            journal.execute(
                "INSERT INTO answers (scope, key, fingerprint, status, content) VALUES (?, ?, ?, ?, ?)",
                scope,
                key,
                request,
                reply.status,
                reply.content,
            )
        return reply
