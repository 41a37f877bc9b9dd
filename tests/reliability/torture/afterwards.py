"""What happens to a payment after it was taken: refunds on request, disputes and returned debits, whenever they come."""

import asyncio
import time

from domain import keys
from tests.e2e.installation import Installation
from tests.reliability.torture import lives
from tests.reliability.torture.lives import DAY, PATIENCE, Caught, Life, eve, nothing
from tests.reliability.torture.shapes import Json
from workers.sandbox.faults import Mode, Operation

TWICE: Json = {"copies": 2}
PART, MORE_THAN_HALF = 300, 650
"""Minor units of a month's 1000 and its tax."""
FUNDS, UNAUTHORIZED = "AM04", "MD06"
"""Reasons for which a bank returns a debit: no money, and the payer's own no."""
DECIDED = ("won", "lost")


async def stock(installation: Installation) -> None:
    """Access is closed while a payment is disputed, and where it was returned; what is lost is credited."""
    await lives.stock(installation)
    policy = {"dispute_access": "block", "return_access": "block", "lost_as": "credit_note"}
    (await installation.api.put("/v1/after-payment-policy", json=policy)).raise_for_status()


def payment(life: Life) -> str:
    """That of its order."""
    return keys.payment(life.order, 1)


def invoice(life: Life) -> str:
    return keys.invoice(life.order)


async def ask(life: Life, name: str, minor: int | None = None, access: str = "keep", of: str | None = None) -> Json | None:
    """A refund under a key of this name; None where it is refused."""
    amount = {} if minor is None else {"amount": {"minor": minor, "currency": "EUR"}}
    body = {"payment": of or payment(life), "reason": "asked for", "access": access, **amount}
    return await life.post("/v1/refunds", body, key=f"{life.name}-{name}")


async def refunds_end(life: Life, of: str | None = None) -> list[Json]:
    found = await life.until(_none_reserved, "/v1/refunds", payment=of or payment(life))
    return list(found.get("items", []))


def _none_reserved(found: Json) -> bool:
    return all(refund["state"] != "reserved" for refund in found["items"])


async def _refund(life: Life) -> None:
    await ask(life, "part", PART)
    await refunds_end(life)


async def _refund_too_much(life: Life) -> None:
    """Five at once, each twice under its key, of which no two fit, and one of all that is left."""
    wanted = [ask(life, f"half-{number}", MORE_THAN_HALF) for number in (1, 1, 2, 2, 3, 3, 4, 4, 5, 5)]
    await asyncio.gather(*wanted, ask(life, "rest"), ask(life, "rest"))
    await refunds_end(life)


async def _refund_and_revoke(life: Life) -> None:
    await ask(life, "all", access="revoke")
    await refunds_end(life)
    await life.do("cancel", when="now")


async def _refund_and_renew(life: Life) -> None:
    """What is left, and a part, and a period that begins."""
    await asyncio.gather(ask(life, "part", PART), life.advance(2 * DAY), ask(life, "rest"))
    await refunds_end(life)


async def _come_back(life: Life) -> None:
    """The bank of the payer takes no money; told twice, as soon as it is given, which nobody here may know of yet."""
    asked = await ask(life, "part", PART) or {"key": ""}
    await _many(life, 1, "refunded")
    await life.outside(f"/gateway/refunds/{asked['key']}/fail", TWICE)
    await life.until(lambda found: [one["state"] for one in found["items"]] == ["failed"], "/v1/refunds", payment=payment(life))


async def _refunded(life: Life) -> None:
    await _refund(life)


def dispute_of(life: Life) -> str:
    return f"dp_{life.name}"


async def dispute(life: Life, of: str | None = None, **how: object) -> None:
    """Opened at the gateway, which tells of it."""
    amounts = {"amount": {"minor": MORE_THAN_HALF, "currency": "EUR"}, "fee": {"minor": 1500, "currency": "EUR"}}
    await life.outside(f"/gateway/payments/{of or payment(life)}/dispute", {"name": dispute_of(life), **amounts, **how})


async def decide(life: Life, verdict: str) -> None:
    await life.outside(f"/gateway/disputes/{dispute_of(life)}/verdict/{verdict}", TWICE)
    await standing(life, *DECIDED)


async def standing(life: Life, *states: str) -> None:
    await life.until(lambda found: found["state"] in states, f"/v1/disputes/sandbox:{dispute_of(life)}")


async def _disputed(life: Life) -> None:
    await dispute(life)
    await standing(life, "open")


async def _disputed_and_past_due(life: Life) -> None:
    """A month begins that is not charged, and its day to pay goes by."""
    await eve(life)
    await _disputed(life)
    before = await life.captured()
    await life.advance(16 * DAY)
    if taken := (await life.captured())[len(before) :]:
        life.tell(f"advance {life.name} while a payment is disputed", f"charged: {taken}")


async def _told_and_won(life: Life) -> None:
    await dispute(life, copies=2)
    await standing(life, "open")
    await decide(life, "win")


async def _win(life: Life) -> None:
    await decide(life, "win")
    await life.advance(DAY)


async def _win_and_take(life: Life) -> None:
    """What fell due meanwhile, from another card where this one is declined."""
    await _win(life)
    if await life.facts("declined"):
        await another_card(life)


async def another_card(life: Life) -> None:
    """What is past due is taken from it at once."""
    life.card = "tok_mastercard"
    await life.post("/v1/payment-methods", {"customer": life.name, "token": life.card, "default": True})
    await life.advance(DAY)


async def _told_backwards(life: Life) -> None:
    """The verdict overtakes the opening."""
    await dispute(life, delay_seconds=3, copies=2)
    await decide(life, "win")


async def _lose(life: Life) -> None:
    await decide(life, "lose")
    await release(life)


async def release(life: Life) -> None:
    """A person lets charges and access go on."""
    await life.post(f"/v1/disputes/sandbox:{dispute_of(life)}/release", {})
    await life.advance(DAY)


async def _contest(life: Life) -> None:
    """Two at once, with the same evidence, and one with another."""
    path = f"/v1/disputes/sandbox:{dispute_of(life)}/evidence"
    words = ("used every day", "used every day", "never heard of it")
    await asyncio.gather(*(life.post(path, {"explanation": each}) for each in words))
    await standing(life, "submitted")
    await decide(life, "win")


async def _give_in(life: Life) -> None:
    await life.post(f"/v1/disputes/sandbox:{dispute_of(life)}/accept", {})
    await standing(life, "lost")
    await release(life)


async def _dispute_and_refund(life: Life) -> None:
    """Whichever comes first; what is asked for afterwards is refused."""
    await asyncio.gather(dispute(life), ask(life, "at-once", PART))
    await standing(life, "open")
    if await ask(life, "afterwards", PART) is not None:
        life.tell(f"refund of {payment(life)} while it is disputed", "accepted")
    await refunds_end(life)
    await _lose(life)


async def _dispute_and_renew(life: Life) -> None:
    await asyncio.gather(dispute(life), life.advance(2 * DAY))
    await standing(life, "open")
    await decide(life, "win")


async def _dispute_early(life: Life) -> None:
    """As soon as the gateway has taken the money, which nobody here may know of yet."""
    renewing = asyncio.create_task(life.advance(2 * DAY))
    taken = await _next_taken(life, 1)
    if taken is not None:
        await dispute(life, of=taken)
    await renewing
    if taken is not None:
        await standing(life, "open")
        await _lose(life)


async def _next_taken(life: Life, before: int) -> str | None:
    """The key of the payment after so many; None where it was declined."""
    await _many(life, before + 1, "captured", "declined")
    taken = await life.captured()
    return taken[-1] if len(taken) > before else None


async def _many(life: Life, number: int, *kinds: str) -> None:
    """Wait until so much of these kinds has happened at the gateway."""
    began = time.monotonic()
    while sum([len(await life.facts(kind)) for kind in kinds]) < number:
        if time.monotonic() - began > PATIENCE:
            life.tell(f"{' and '.join(kinds)} of {life.name}", f"not {number} within {PATIENCE:.0f} s")
            return
        await asyncio.sleep(0.05)


async def give_back(life: Life, of: str, reason: str) -> None:
    """The bank of the payer takes a debit back, and tells twice; until it is booked."""
    await life.outside(f"/gateway/payments/{of}/return", {"reason": reason, "fee": {"minor": 300, "currency": "EUR"}, **TWICE})
    await life.until(lambda found: found["amount_due"]["minor"] > 0, f"/v1/invoices/{_billed(life, of)}")


def _billed(life: Life, of: str) -> str:
    subject = keys.paid_subject(of)
    return invoice(life) if subject == life.order else subject


async def _returned(life: Life) -> None:
    await give_back(life, payment(life), FUNDS)


async def _return_and_pay(life: Life) -> None:
    await _returned(life)
    await _present_again(life)


async def _present_again(life: Life) -> None:
    """After its pause, and not before."""
    taken = await life.captured(invoice(life))
    await life.advance(2 * DAY)
    if await life.captured(invoice(life)) != taken:
        life.tell(f"advance {life.name} by two days after a return", "presented again before its pause was over")
    await life.advance(2 * DAY)
    if await life.facts("declined"):
        await another_card(life)
        await life.advance(15 * DAY)
    else:
        await paid(life)


async def paid(life: Life) -> None:
    await life.until(lambda found: found["amount_due"]["minor"] == 0, f"/v1/invoices/{invoice(life)}")


async def _return_each_time(life: Life) -> None:
    """Until it may be presented no more; then there is another account."""
    for _ in range(3):
        await give_back(life, (await life.captured(invoice(life)))[-1], FUNDS)
        await life.advance(8 * DAY)
    await _never_again(life, 3)


async def _return_unauthorized(life: Life) -> None:
    await give_back(life, payment(life), UNAUTHORIZED)
    await life.advance(16 * DAY)
    await _never_again(life, 1)


async def _never_again(life: Life, most: int) -> None:
    if len(taken := await life.captured(invoice(life))) > most:
        life.tell(f"returned debits of {invoice(life)}", f"presented more often than allowed: {taken}")
    await another_card(life)
    await paid(life)


async def _return_and_renew(life: Life) -> None:
    await asyncio.gather(give_back(life, payment(life), FUNDS), life.advance(2 * DAY))
    await life.advance(3 * DAY)


async def _return_early(life: Life) -> None:
    """Before it is known here that it was taken."""
    renewing = asyncio.create_task(life.advance(2 * DAY))
    taken = await _next_taken(life, 1)
    if taken is not None:
        await give_back(life, taken, FUNDS)
    await renewing
    await life.advance(4 * DAY)


AFTERWARDS = (
    Caught("refund: give the money back", nothing, _refund, Operation.refund, of_order=True),
    Caught("refunds at once above what was taken", nothing, _refund_too_much, Operation.refund, of_order=True),
    Caught("refund: close access", nothing, _refund_and_revoke, Operation.suspend),
    Caught("refunds while a period begins", eve, _refund_and_renew, Operation.refund, of_order=True),
    Caught("refund that comes back", nothing, _come_back, Operation.webhook, of_order=True),
    Caught(
        "second refund, the first of which was lost",
        _refunded,
        _refund_too_much,
        Operation.refund,
        (Operation.refund, Mode.timeout_after),
        of_order=True,
    ),
    Caught("dispute: be told", nothing, _told_and_won, Operation.webhook, of_order=True),
    Caught("dispute: close access", nothing, _told_and_won, Operation.suspend),
    Caught("dispute won: open access", _disputed, _win, Operation.resume),
    Caught("dispute won before it is opened", nothing, _told_backwards, Operation.webhook, of_order=True),
    Caught("dispute lost: be told", _disputed, _lose, Operation.webhook, of_order=True),
    Caught("dispute: submit evidence", _disputed, _contest, Operation.evidence, of_order=True),
    Caught("dispute: give in", _disputed, _give_in, Operation.accept, of_order=True),
    Caught("dispute and refund at once", nothing, _dispute_and_refund, Operation.refund, of_order=True),
    Caught("dispute while a period begins", eve, _dispute_and_renew, Operation.purchase),
    Caught("dispute of what is not booked yet", eve, _dispute_early, Operation.purchase),
    Caught("dispute won: take what fell due", _disputed_and_past_due, _win_and_take, Operation.purchase),
    Caught("debit returned: be told", nothing, _return_and_pay, Operation.webhook, of_order=True),
    Caught("debit returned: close access", nothing, _return_and_pay, Operation.suspend),
    Caught("debit returned: present it again", _returned, _present_again, Operation.purchase, of_order=True),
    Caught("debit returned each time", nothing, _return_each_time, Operation.webhook, of_order=True),
    Caught("debit that was not authorized", nothing, _return_unauthorized, Operation.webhook, of_order=True),
    Caught("debit returned while a period begins", eve, _return_and_renew, Operation.purchase),
    Caught("debit returned before it is booked", eve, _return_early, Operation.purchase),
)
