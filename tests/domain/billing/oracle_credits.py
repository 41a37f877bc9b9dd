"""Prepaid credit kept cent by cent: each cent is a token that is free, held, used or expired."""

from dataclasses import dataclass, field
from datetime import datetime

from domain.billing.credits import CreditGrant


@dataclass
class Cent:
    grant: CreditGrant
    holder: str = ""
    gone: str = ""


@dataclass
class Purse:
    cents: list[Cent] = field(default_factory=list)

    def grant(self, grant: CreditGrant) -> None:
        self.cents += [Cent(grant) for _ in range(grant.amount.minor)]

    def free(self, now: datetime) -> list[Cent]:
        """Free cents, the next to be drawn first, by three stable sorts in the reverse of the published order."""
        found = [cent for cent in self.cents if not cent.holder and not cent.gone and cent.grant.effective_at <= now]
        found = [cent for cent in found if cent.grant.expires_at is None or cent.grant.expires_at > now]
        found.sort(key=lambda cent: cent.grant.id)
        found.sort(key=lambda cent: cent.grant.effective_at)
        with_expiry = [cent for cent in found if cent.grant.expires_at is not None]
        with_expiry.sort(key=lambda cent: cent.grant.expires_at or now)
        found = with_expiry + [cent for cent in found if cent.grant.expires_at is None]
        return sorted(found, key=lambda cent: cent.grant.priority)

    def reserve(self, key: str, wanted: int, now: datetime) -> None:
        for cent in self.free(now)[:wanted]:
            cent.holder = key

    def commit(self, key: str) -> None:
        for cent in self.cents:
            if cent.holder == key:
                cent.holder, cent.gone = "", "used"

    def release(self, key: str) -> None:
        for cent in self.cents:
            if cent.holder == key:
                cent.holder = ""

    def expire(self, now: datetime) -> None:
        for cent in self.cents:
            if not cent.holder and not cent.gone and cent.grant.expires_at is not None and cent.grant.expires_at <= now:
                cent.gone = "expired"

    def count(self, grant: str, gone: str) -> int:
        return sum(cent.grant.id == grant and cent.gone == gone for cent in self.cents)
