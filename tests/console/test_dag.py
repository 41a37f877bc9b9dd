"""The text an order's drawing is made from."""

import re
from typing import Any

from activities.store import views
from activities.store.views import OrderDetail
from api.console.dag import LONGEST_LABEL, draw, escaped
from domain.facts import PaymentStatus
from domain.orders import Order
from domain.states import PaymentState
from tests.console.orders import HOSTILE, Orders, eur

STEPS: list[dict[str, Any]] = [
    {"id": "a", "name": "First", "adapter": "mailhub", "verb": "create"},
    {"id": "b", "name": "Second", "adapter": "mailhub", "verb": "change", "needs": ["a"]},
    {"id": "c", "name": "Third", "adapter": "mailhub", "verb": "verify", "needs": ["a", "b"]},
]


async def _detail(orders: Orders, order: Order) -> OrderDetail:
    async with orders.database.transaction() as connection:
        return await views.order_detail(connection, order.id)


def test_only_letters_digits_and_harmless_marks_stay_in_a_label() -> None:
    assert escaped("Line 1/2 · Köln") == "Line 1/2 · Köln"
    assert escaped('a"b') == "a#34;b"
    assert escaped("<b>") == "#60;b#62;"
    assert escaped("one\ntwo\x00") == "one two"
    assert not re.search(r"[\"'<>`\[\](){}|&\\]", escaped(HOSTILE))


def test_a_long_label_is_cut() -> None:
    assert escaped("x" * 100) == "x" * (LONGEST_LABEL - 1) + "…"


async def test_a_line_that_follows_from_others_is_left_out(orders: Orders) -> None:
    text = draw(await _detail(orders, await orders.place(steps=STEPS))).text
    assert [line for line in text.splitlines() if re.fullmatch(r"n\d --> n\d", line)] == ["n0 --> n1", "n1 --> n2"]


async def test_the_capture_stands_between_the_stages(orders: Orders) -> None:
    text = draw(await _detail(orders, await orders.place())).text
    assert text.splitlines()[-1] == "authorize --> provision --> capture --> activate"


async def test_money_given_back_shows_at_the_capture(orders: Orders) -> None:
    order = await orders.place()
    amount = eur(3800)
    refunded = PaymentStatus(
        key=f"{order.id}:payment:1",
        number=1,
        state=PaymentState.refunded,
        amount=amount,
        authorized=amount,
        captured=amount,
        refunded=amount,
    )
    await orders.change(order, payments=[refunded])
    assert "class capture state-undone" in draw(await _detail(orders, order)).text
