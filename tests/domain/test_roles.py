"""Roles: which right comes with which role."""

import pytest

from domain.roles import RIGHTS, Principal, Right, Role

HOLDERS = {
    Right.place_orders: {"admin", "operator", "partner"},
    Right.read_orders: {"admin", "operator", "approver", "finance", "fraud", "viewer"},
    Right.change_orders: {"admin", "operator"},
    Right.approve: {"admin", "approver", "fraud"},
    Right.resolve_fallout: {"admin", "operator", "finance"},
    Right.read_records: {"admin", "operator", "approver", "finance", "fraud", "viewer"},
    Right.write_records: {"admin", "operator"},
    Right.write_tax: {"admin", "finance"},
    Right.keep_methods: {"admin", "operator", "finance"},
    Right.keep_subscriptions: {"admin", "operator"},
    Right.read_billing: {"admin", "operator", "finance", "viewer"},
    Right.bill: {"admin", "finance"},
    Right.reconcile: {"admin", "finance"},
    Right.route_payments: {"admin", "finance"},
    Right.keep_policies: {"admin", "finance"},
    Right.keep_fraud_rules: {"admin", "fraud"},
    Right.keep_privacy: {"admin"},
    Right.manage_keys: {"admin"},
}


def holder(*roles: Role) -> Principal:
    return Principal(key_id="k1", name="olga", roles=list(roles))


@pytest.mark.parametrize("right", Right)
def test_a_right_is_held_by_these_roles_and_no_other(right: Right) -> None:
    assert {str(role) for role in Role if holder(role).may(right)} == HOLDERS[right]


def test_every_role_has_rights() -> None:
    assert set(RIGHTS) == set(Role)
    assert all(RIGHTS.values())


def test_several_roles_have_the_rights_of_each() -> None:
    both = holder(Role.viewer, Role.partner)

    held = {Right.read_orders, Right.read_records, Right.read_billing, Right.place_orders}
    assert {right for right in Right if both.may(right)} == held


def test_a_key_without_roles_may_do_nothing() -> None:
    assert not any(holder().may(right) for right in Right)
