"""Who may do what: the roles an API key carries."""

import functools
from enum import StrEnum

from domain.values import Value


class Role(StrEnum):
    admin = "admin"
    operator = "operator"
    approver = "approver"
    finance = "finance"
    viewer = "viewer"
    fraud = "fraud"
    partner = "partner"


class Right(StrEnum):
    place_orders = "place orders"
    read_orders = "read orders"
    change_orders = "change and cancel orders"
    approve = "approve orders"
    resolve_fallout = "resolve fallout"
    read_records = "read records"
    write_records = "write catalogue and customers"
    write_tax = "write tax rates and legal entities"
    keep_methods = "keep payment methods"
    keep_subscriptions = "change, cancel and suspend subscriptions"
    read_billing = "read invoices, coupons, credits and the ledger"
    bill = "issue and correct invoices, give coupons and credits"
    reconcile = "reconcile money"
    route_payments = "say where payments go"
    keep_policies = "say how subscriptions renew, change and end"
    keep_fraud_rules = "keep fraud rules"
    keep_privacy = "export and erase what is held of customers"
    manage_keys = "manage API keys"


RIGHTS: dict[Role, frozenset[Right]] = {
    Role.admin: frozenset(Right),
    Role.operator: frozenset(
        {
            Right.place_orders,
            Right.read_orders,
            Right.change_orders,
            Right.resolve_fallout,
            Right.read_records,
            Right.write_records,
            Right.keep_methods,
            Right.keep_subscriptions,
            Right.read_billing,
        }
    ),
    Role.approver: frozenset({Right.read_orders, Right.read_records, Right.approve}),
    Role.finance: frozenset(
        {
            Right.read_orders,
            Right.read_records,
            Right.resolve_fallout,
            Right.write_tax,
            Right.keep_methods,
            Right.read_billing,
            Right.bill,
            Right.reconcile,
            Right.route_payments,
            Right.keep_policies,
        }
    ),
    Role.fraud: frozenset({Right.read_orders, Right.read_records, Right.approve, Right.keep_fraud_rules}),
    Role.viewer: frozenset({Right.read_orders, Right.read_records, Right.read_billing}),
    Role.partner: frozenset({Right.place_orders}),
}


class Principal(Value):
    """Whose key was presented. `name` is what decisions and events are signed with."""

    key_id: str
    name: str
    roles: list[Role]

    def may(self, right: Right) -> bool:
        return right in _rights(tuple(self.roles))


@functools.cache
def _rights(roles: tuple[Role, ...]) -> frozenset[Right]:
    return frozenset().union(*(RIGHTS[role] for role in roles))
