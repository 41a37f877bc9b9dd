"""Every policy as it holds, and what it was before, in one shape for whoever compares them."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from enum import StrEnum
from typing import Any

from pydantic import BaseModel

from activities.store import after_payment_policy, dunning_policies, fraud, life_policies, routing
from activities.store.database import Connection
from activities.store.life_policies import KINDS
from domain.disputes import AfterPaymentPolicy
from domain.dunning import DEFAULT, SHIPPED
from domain.money import Money
from domain.values import Instant, Value

MOST = 30
"""Versions that are looked at, the newest ones."""


class Version(Value):
    """`fields` are in words, by name. `number` is None of policies that count none."""

    at: Instant
    by: str
    note: str = ""
    number: int | None = None
    fields: dict[str, str]


class Difference(Value):
    """`before` and `after` are empty where the field was not there."""

    field: str
    before: str
    after: str


class History(Value):
    """`shipped` is what holds where nothing was ever set; `versions` are the newest first."""

    group: str
    name: str
    about: str
    current: dict[str, str]
    shipped: dict[str, str]
    versions: tuple[Version, ...]

    def differences(self, index: int) -> list[Difference]:
        """What this version changed of the one before it."""
        before = self.versions[index + 1].fields if index + 1 < len(self.versions) else self.shipped
        return differences(before, self.versions[index].fields)


def differences(before: Mapping[str, str], after: Mapping[str, str]) -> list[Difference]:
    names = [*after, *(name for name in before if name not in after)]
    pairs = ((name, before.get(name, ""), after.get(name, "")) for name in names)
    return [Difference(field=name, before=old, after=new) for name, old, new in pairs if old != new]


async def life(connection: Connection) -> list[History]:
    """Of what subscriptions do after their order: one of each kind."""
    found = []
    for model, kind in KINDS.items():
        changed = await life_policies.changes(connection, model, None, MOST)
        versions = [
            Version(at=each.at, by=each.by, note=each.note, fields=fields_of(model.model_validate(each.policy)))
            for each in changed
        ]
        found.append(
            History(
                group="Orders and subscriptions",
                name=kind,
                about=_about(model),
                current=fields_of(await life_policies.get(connection, model)),
                shipped=fields_of(model()),
                versions=tuple(versions),
            )
        )
    return found


async def dunning(connection: Connection) -> list[History]:
    ids = sorted({DEFAULT} | {each.policy.id for each in await dunning_policies.every(connection)})
    return [await _dunning(connection, each) for each in ids]


async def _dunning(connection: Connection, policy: str) -> History:
    published = await dunning_policies.versions(connection, policy)
    versions = [
        Version(at=each.published_at, by=each.published_by, number=each.version, fields=fields_of(each.policy))
        for each in published[:MOST]
    ]
    shipped = fields_of(SHIPPED) if policy == DEFAULT else {}
    current = versions[0].fields if versions else shipped
    return History(
        group="Dunning", name=policy, about=_about(SHIPPED), current=current, shipped=shipped, versions=tuple(versions)
    )


async def routes(connection: Connection) -> list[History]:
    found = [(each.rule.id, await routing.versions(connection, each.rule.id)) for each in await routing.every(connection)]
    return [_of_rule("Routing", name, versions) for name, versions in found]


async def fraud_rules(connection: Connection) -> list[History]:
    found = [(each.rule.id, await fraud.versions(connection, each.rule.id)) for each in await fraud.every(connection)]
    return [_of_rule("Fraud", name, versions) for name, versions in found]


def _of_rule(group: str, name: str, published: Sequence[Any]) -> History:
    """Of rules, which are published the oldest first."""
    versions = [
        Version(at=each.published_at, by=each.published_by, number=each.version, fields=fields_of(each.rule))
        for each in reversed(published[-MOST:])
    ]
    about = _about(published[-1].rule)
    return History(group=group, name=name, about=about, current=versions[0].fields, shipped={}, versions=tuple(versions))


async def after_payment(connection: Connection) -> list[History]:
    """Of disputes and returned debits: what it was before is not kept."""
    current = fields_of(await after_payment_policy.get(connection))
    shipped = AfterPaymentPolicy()
    return [
        History(
            group="Disputes and returned debits",
            name=after_payment_policy.KIND,
            about=_about(shipped),
            current=current,
            shipped=fields_of(shipped),
            versions=(),
        )
    ]


def _about(model: type[BaseModel] | BaseModel) -> str:
    return " ".join((model.__doc__ or "").split())


def fields_of(policy: BaseModel) -> dict[str, str]:
    """In words; what belongs to a field of a field is named `outer.inner`."""
    return {name: value for name, value in _flat("", policy.model_dump()) if name != "id"}


def _flat(prefix: str, document: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    for name, value in document.items():
        if isinstance(value, Mapping):
            yield from _flat(f"{prefix}{name}.", value)
        else:
            yield f"{prefix}{name}", _words(value)


def _words(value: Any) -> str:
    match value:
        case None:
            return "none"
        case bool():
            return "yes" if value else "no"
        case timedelta():
            return f"{value.days} days" if not value.seconds else str(value)
        case {"minor": int(minor), "currency": str(currency)}:
            return str(Money(minor=minor, currency=currency))
        case Mapping():
            return " ".join(_words(each) for each in value.values())
        case list() | tuple() | set() | frozenset():
            return ", ".join(_words(each) for each in value) or "none"
        case _:
            return str(value).replace("_", " ") if isinstance(value, StrEnum) else str(value)
