"""Why a subscription is not to be used for a while: each reason is lifted only by its own cause."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from domain.roles import Right
from domain.subscriptions.commands import By
from domain.values import StrictValue

NON_PAYMENT = "non_payment"
"""Lifted by paying all that is due, and by nothing else."""


class Reason(StrEnum):
    """Those that people suspend for, and lift."""

    policy = "policy"
    fraud = "fraud"
    request = "request"

    @property
    def right(self) -> Right:
        """Who may suspend for it, and lift it."""
        return Right.keep_fraud_rules if self is Reason.fraud else Right.keep_subscriptions


class SuspendCommand(StrictValue):
    by: By
    reason: Reason = Reason.request
    words: Annotated[str, Field(max_length=500)] = ""


class UnsuspendCommand(StrictValue):
    by: By
    reason: Reason = Reason.request
