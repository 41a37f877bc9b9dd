"""When a VAT id is to be checked with its register again."""

from datetime import datetime, timedelta

from domain.billing.tax.parties import VatCheck, VatProof

FIRST_WAIT = timedelta(minutes=5)
LONGEST_WAIT = timedelta(hours=6)


def next_check(proof: VatProof, attempts: int, proof_days: int) -> datetime:
    """Half of `proof_days` after an answer, so that there are as many days left to get the next one; after the `attempts`-th
    try in a row without answer, counted from 1, some time that doubles."""
    if proof.result is not VatCheck.unavailable:
        return proof.checked_at + timedelta(days=proof_days) / 2
    wait = FIRST_WAIT
    for _ in range(attempts - 1):
        wait = min(2 * wait, LONGEST_WAIT)
    return proof.checked_at + wait
