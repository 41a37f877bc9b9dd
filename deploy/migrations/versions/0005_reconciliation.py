"""Reconciliation: statements, money received and what it paid, gateway reports, and what does not agree."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def _text(name: str, *, optional: bool = False, comment: str | None = None) -> sa.Column[Any]:
    return sa.Column(name, sa.String(), nullable=optional, comment=comment)


def _amount(name: str, comment: str | None = None) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger(), nullable=False, comment=comment)


def _count(name: str, comment: str | None = None) -> sa.Column[Any]:
    return sa.Column(name, sa.Integer(), nullable=False, comment=comment)


def _day(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Date(), nullable=False)


def _moment(name: str, *, optional: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=optional)


def upgrade() -> None:
    _money_received()
    _comparison()
    op.create_index("ix_invoices_bare_number", "invoices", [sa.text("upper(regexp_replace(number, '[^A-Za-z0-9]', '', 'g'))")])
    is_open = sa.text("state IN ('finalized', 'partially_paid', 'overdue')")
    op.create_index("ix_invoices_open_amount", "invoices", ["currency", "amount_due"], postgresql_where=is_open)


def _money_received() -> None:
    op.create_table(
        "statements",
        _text("account", comment="as in cash:<account>"),
        _text("digest", comment="SHA-256 of the file: the same file is one statement"),
        _text("bank_id"),
        _count("lines"),
        _count("booked", "lines that no statement before had"),
        _text("imported_by"),
        _moment("imported_at"),
        sa.PrimaryKeyConstraint("account", "digest", name=op.f("pk_statements")),
        comment="Files of banks and gateways whose lines are booked",
    )
    op.create_table(
        "receipts",
        _text("key", comment="from what the bank says: a line is booked once"),
        _text("account"),
        _amount("amount", "above zero came in, below went out"),
        _amount("unmatched", "what of it is in suspense"),
        _text("currency"),
        _day("booked_on"),
        _day("value_on"),
        _text("reference"),
        _text("remittance"),
        _text("counterparty"),
        sa.Column("returned", sa.Boolean(), nullable=False),
        _text("customer", optional=True),
        _text("state"),
        _text("reason", comment="how it was matched, or why it was not"),
        _text("owner", optional=True, comment="the queue that has to decide about what is unmatched"),
        _moment("recorded_at"),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_receipts")),
        sa.ForeignKeyConstraint(["customer"], ["customers.id"], name=op.f("fk_receipts_customer")),
        comment="Money that moved on an account: booked first, then matched",
    )
    waiting = sa.text("unmatched <> 0")
    op.create_index("ix_receipts_suspense", "receipts", ["booked_on", "key"], postgresql_where=waiting)
    op.create_index("ix_receipts_booked_on", "receipts", ["booked_on", "key"])
    op.create_index(op.f("ix_receipts_customer"), "receipts", ["customer"])
    op.create_table(
        "receipt_parts",
        _text("receipt"),
        _text("invoice"),
        _amount("amount"),
        _text("matched_by"),
        _moment("matched_at"),
        sa.PrimaryKeyConstraint("receipt", "invoice", name=op.f("pk_receipt_parts")),
        sa.ForeignKeyConstraint(["receipt"], ["receipts.key"], name=op.f("fk_receipt_parts_receipt")),
        sa.ForeignKeyConstraint(["invoice"], ["invoices.id"], name=op.f("fk_receipt_parts_invoice")),
    )
    op.create_index(op.f("ix_receipt_parts_invoice"), "receipt_parts", ["invoice"])


def _comparison() -> None:
    op.create_table(
        "movements",
        _text("gateway"),
        _text("id", comment="the gateway's own"),
        _text("key", comment="ours: what the ledger books it under"),
        _text("kind"),
        _amount("amount"),
        _text("currency"),
        _moment("at"),
        sa.PrimaryKeyConstraint("gateway", "id", name=op.f("pk_movements")),
        comment="What gateways report to have moved",
    )
    op.create_index("ix_movements_key", "movements", ["gateway", "key"])
    op.create_index("ix_movements_at", "movements", ["gateway", "at", "id"])
    op.create_table(
        "reconciliations",
        _text("gateway"),
        _day("day"),
        _count("compared", "movements, bookings and invoices that were looked at"),
        _count("differences", "how many were open at the end"),
        _moment("finished_at"),
        sa.PrimaryKeyConstraint("gateway", "day", name=op.f("pk_reconciliations")),
        comment="Days that gateway, ledger and invoices were compared for",
    )
    op.create_table(
        "differences",
        _text("key", comment="<gateway>:<day>:<kind>:<subject>"),
        _text("gateway"),
        _day("day"),
        *(_text(name) for name in ("kind", "subject", "expected", "found", "text", "owner")),
        _moment("opened_at"),
        _moment("resolved_at", optional=True),
        _text("resolved_by", optional=True),
        _text("reason", optional=True),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_differences")),
        comment="Work items: what gateway, ledger and invoices do not say alike",
    )
    is_open = sa.text("resolved_at IS NULL")
    op.create_index("ix_differences_open", "differences", ["opened_at", "key"], postgresql_where=is_open)
    op.create_index("ix_differences_opened_at", "differences", ["opened_at", "key"])
    op.create_index("ix_differences_day", "differences", ["gateway", "day"])
