"""Tax registers: whether a VAT id is that of a registered business."""

from datetime import datetime
from typing import Protocol

import httpx
from pydantic import ConfigDict, Field

from activities.adapters.http import Call, Peer
from domain.billing.tax.parties import VatCheck, VatProof
from domain.errors import Refused, Unavailable, Unknown
from domain.values import Value

PATIENCE = 10.0
"""Seconds that an answer may take; VIES asks the member state's own register meanwhile."""


class Register(Protocol):
    async def check(self, vat_id: str, requester: str | None, now: datetime) -> VatProof:
        """What the register says, valid or invalid, about a number in its normal form. `requester` is the asking seller's own
        number, for which some registers give evidence. Raises Unavailable where there is no answer, for whatever reason."""
        ...


class _Question(Value):
    model_config = ConfigDict(serialize_by_alias=True)

    country: str = Field(serialization_alias="countryCode")
    number: str = Field(serialization_alias="vatNumber")


class _SignedQuestion(_Question):
    requester_country: str = Field(serialization_alias="requesterMemberStateCode")
    requester_number: str = Field(serialization_alias="requesterNumber")


class _Fault(Value):
    error: str = ""


class _Answer(Value):
    country: str = Field("", alias="countryCode")
    number: str = Field("", alias="vatNumber")
    valid: bool | None = None
    name: str | None = None
    consultation: str | None = Field(None, alias="requestIdentifier")
    faults: list[_Fault] = Field([], alias="errorWrappers")


class Vies:
    """The register of the European Union over its REST interface (POST /check-vat-number), which also knows Northern Ireland.

    It answers with a consultation number where the requester names itself. Its faults come with any HTTP status:
    MS_UNAVAILABLE, MS_MAX_CONCURRENT_REQ and the like say nothing about the number; INVALID_INPUT is that of no business.
    """

    name = "VIES"
    _WITH_FAULTS = frozenset({400, 500, 503})

    def __init__(self, base_url: str, client: httpx.AsyncClient, total_seconds: float = PATIENCE) -> None:
        self._peer = Peer(self.name, base_url, client, total_seconds)

    async def check(self, vat_id: str, requester: str | None, now: datetime) -> VatProof:
        answer = await self._asked(vat_id, requester)
        if requester is not None and _fault(answer) == "INVALID_REQUESTER_INFO":
            answer = await self._asked(vat_id, None)
        if _fault(answer) == "INVALID_INPUT":
            return VatProof(vat_id=vat_id, result=VatCheck.invalid, checked_at=now, service=self.name)
        if answer.valid is None or _fault(answer):
            raise Unavailable(f"{self.name}: {_fault(answer) or 'neither valid nor invalid'}")
        if answer.country + answer.number != vat_id:
            raise Unavailable(f"{self.name}: answered about another number")
        return VatProof(
            vat_id=vat_id,
            result=VatCheck.valid if answer.valid else VatCheck.invalid,
            checked_at=now,
            consultation=answer.consultation or None,
            name=_told(answer.name) if answer.valid else None,
            service=self.name,
        )

    async def _asked(self, vat_id: str, requester: str | None) -> _Answer:
        question = _Question(country=vat_id[:2], number=vat_id[2:])
        if requester is not None:
            question = _SignedQuestion(
                **question.model_dump(by_alias=False), requester_country=requester[:2], requester_number=requester[2:]
            )
        call = Call("POST", ("check-vat-number",), body=question, also_answers=self._WITH_FAULTS)
        try:
            return await self._peer.call(call, _Answer)
        except (Refused, Unknown) as error:
            raise Unavailable(str(error)) from error


def _fault(answer: _Answer) -> str:
    """A word of the register's own list, and nothing else that might have come with it."""
    named = answer.faults[0].error if answer.faults else ""
    return named if named.isidentifier() and len(named) <= 40 else "FAULT" if named else ""


def _told(name: str | None) -> str | None:
    """Some member states keep names to themselves and say ---."""
    return name if name and name.strip("-") else None
