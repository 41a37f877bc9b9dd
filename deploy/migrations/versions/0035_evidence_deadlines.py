"""What goes by a gateway's deadlines is no customer's, and may be about a payment that was not made here."""

from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

STATEMENTS = [
    "ALTER TABLE due_rows ALTER COLUMN customer DROP NOT NULL",
    "COMMENT ON COLUMN due_rows.customer IS 'empty for what goes by real time, as a gateway''s deadlines do'",
    "ALTER TABLE fallout ALTER COLUMN order_id DROP NOT NULL",
    "CREATE INDEX ix_gateway_inbox_disputes ON gateway_inbox (gateway, received_at) WHERE kind LIKE 'dispute%'",
    "COMMENT ON COLUMN fallout.order_id IS 'empty for a dispute of a payment that was not made here'",
]


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
