"""Idempotency keys and ids, formed from business facts alone so that a retry, a reset or a re-run forms the same ones."""

from hashlib import sha256

PAYMENT_METHOD = "pm_"
"""How the id of a stored payment method begins; what does not is a gateway's token."""
_LETTERS = str.maketrans("0123456789", "ghijklmnop")


def order_workflow(order: str) -> str:
    return f"order-{order}"


def subscription_workflow(subscription: str) -> str:
    return f"sub-{subscription}"


def clock_workflow(clock: str) -> str:
    return f"clock-{clock}"


def deprovision_workflow(subscription: str) -> str:
    return f"deprovision-{subscription}"


def termination(subscription: str) -> str:
    """That a service which has ended is due to be taken down."""
    return f"{subscription}:deprovision:terminate"


def export(subscription: str) -> str:
    """That what is in a service which has ended is due to be given out."""
    return f"{subscription}:deprovision:export"


def export_expiry(subscription: str) -> str:
    return f"{subscription}:deprovision:expire"


def access_workflow(service: str) -> str:
    return f"access-{service}"


def invoice_workflow(invoice: str) -> str:
    return f"invoice-{invoice}"


def order(number: int) -> str:
    """1001 → O-1001."""
    return f"O-{number}"


def order_number(order: str) -> int:
    """O-1001 → 1001."""
    return int(order.removeprefix("O-"))


def payment(order: str, number: int) -> str:
    """The `number`-th payment an order asks for, counted from 1; the gateway sees this key."""
    return f"{order}:payment:{number}"


def refund(payment_key: str, item: str) -> str:
    """One refund per payment and item: an item's money is given back once."""
    return f"{payment_key}:refund:{item}"


def rest(payment_key: str) -> str:
    """The refund of all that is left of a payment that was given up."""
    return refund(payment_key, "rest")


def dispute_booking(payment_key: str, dispute: str) -> str:
    """What a dispute of a payment is booked under."""
    return f"{payment_key}:dispute:{dispute}"


def refunded_payment(refund_key: str) -> str:
    """The key of the payment that a refund gives back."""
    return refund_key.partition(":refund:")[0]


def reference(order: str, item: str) -> str:
    """What a partner calls an item's service for good, and repeats in its callbacks."""
    return f"{order}:{item}"


def split_reference(value: str) -> tuple[str, str] | None:
    """(order, item) of a reference, or None where it is not one of ours."""
    order, separator, item = value.partition(":")
    return (order, item) if separator and order and item else None


def step(order: str, item: str, step_id: str, generation: int) -> str:
    """One call of one step. The generation rises only when the request itself changes (corrected data, amended quantity)."""
    key = f"{order}:{item}:{step_id}"
    return key if generation == 1 else f"{key}:{generation}"


def undo(step_key: str) -> str:
    return f"{step_key}:undo"


def invoice(order: str) -> str:
    return f"{order}:invoice"


def invoice_item(customer: str, key: str) -> str:
    """What is charged by hand under an idempotency key; named by its digest, as a credit grant is."""
    return f"{customer}:item:{sha256(key.encode()).hexdigest()[:16]}"


def credit_note(order: str, item: str) -> str:
    return f"{order}:credit:{item}"


def payment_method(customer: str, gateway: str, token: str) -> str:
    """The same token given twice is one method. Letters alone, so that no id is ever taken for a card number."""
    digest = sha256("\n".join((customer, gateway, token)).encode()).hexdigest()[:24]
    return f"{PAYMENT_METHOD}{digest.translate(_LETTERS)}"


def tokenization(customer: str, gateway: str, nonce: str) -> str:
    """One exchange of one single-use nonce. A digest, since a nonce is nobody's to read."""
    digest = sha256("\n".join((customer, gateway, nonce)).encode()).hexdigest()[:32]
    return f"{customer}:token:{digest.translate(_LETTERS)}"


def forgetting(gateway: str, token: str) -> str:
    """Having a gateway forget a token, which is named by its digest alone."""
    digest = sha256("\n".join((gateway, token)).encode()).hexdigest()[:32]
    return f"forget:{digest.translate(_LETTERS)}"


def credit_grant(customer: str, key: str) -> str:
    """Prepaid credit that is granted to a customer under an idempotency key; named by its digest, since a key is any text."""
    return f"{customer}:credit:{sha256(key.encode()).hexdigest()[:16]}"


def credited_customer(grant: str) -> str:
    """Whose grant it is."""
    return grant.partition(":")[0]


def credit_revocation(grant: str, revoked: int) -> str:
    """`revoked` are the minor units that are revoked with it in all: a voided invoice may give back credit to revoke again."""
    return f"{grant}:revoked:{revoked}"


def credit_expiry(grant: str, expired: int) -> str:
    """`expired` are the minor units that have expired with it in all: what a reservation frees later expires later."""
    return f"{grant}:expired:{expired}"


def subscription(order: str, item: str) -> str:
    """O-1001, item 2 → S-1001-2."""
    return f"S-{order.removeprefix('O-')}-{item}"


def fallout(subject: str, number: int) -> str:
    """The `number`-th time one subject of an order (an item's step, a payment) got stuck."""
    return f"{subject}:fallout:{number}"


def collection(invoice: str, number: int) -> str:
    """The `number`-th payment that is asked for what an invoice is due, counted from 1; the gateway sees this key."""
    return f"{invoice}:payment:{number}"


def paid_subject(payment_key: str) -> str:
    """The order or invoice that a payment was asked for."""
    return payment_key.rpartition(":payment:")[0]


def change(subscription: str, number: int) -> str:
    """The `number`-th change of a subscription, and the invoice over one that is made at once."""
    return f"{subscription}:change:{number}"


def collection_workflow(invoice: str) -> str:
    return f"collect-{invoice}"


def requested_refund(payment_key: str, refund: str) -> str:
    """A refund that somebody asks for; no item's refund has such a key."""
    return f"{payment_key}:refund:asked:{refund}"


def refund_id(principal: str, key: str) -> str:
    """A refund that is asked for under an idempotency key; named by its digest, in letters, as a payment method is."""
    return f"R-{sha256(f'{principal}:{key}'.encode()).hexdigest()[:16].translate(_LETTERS)}"


def refund_workflow(refund: str) -> str:
    return f"refund-{refund}"


def dispute(gateway: str, name: str) -> str:
    return f"{gateway}:{name}"


def evidence(dispute: str) -> str:
    """The deadline for evidence against a dispute."""
    return f"{dispute}:evidence"


def answered_dispute(fallout: str) -> str:
    """The dispute that a work item about evidence is of."""
    return fallout.rpartition(":evidence:fallout:")[0]


def dispute_workflow(dispute: str) -> str:
    return f"dispute-{dispute}"


def returned(payment_key: str) -> str:
    """A payment is returned once; what is asked for again is another payment."""
    return f"{payment_key}:returned"


def return_workflow(payment_key: str) -> str:
    return f"return-{payment_key}"


def payment_workflow(payment_key: str) -> str:
    """The process that waits for a payment: its order's, or that of the invoice which is collected."""
    subject = payment_key.rpartition(":payment:")[0]
    return order_workflow(subject) if subject.startswith("O-") and ":" not in subject else collection_workflow(subject)


def fraud_score(order: str) -> str:
    """The one question for an order's fraud score."""
    return f"{order}:fraud-score"


def fraud_subject(kind: str, value: str) -> str:
    """What fraud counters and lists call a card, a customer or an address: a digest, for addresses are personal data.
    PostgreSQL forms the same of a stored method's fingerprint."""
    return f"{kind}:{sha256(value.encode()).hexdigest()[:32]}"


def fraud_listing(name: str, by: str, value: str) -> str:
    """What stands on a fraud list, there once."""
    return f"fl_{sha256(f'{name}:{by}:{value}'.encode()).hexdigest()[:24]}"
