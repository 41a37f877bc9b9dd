"""An order is judged once: whoever judges it again, since the process that knew was lost, sees orders that came after it."""

from alembic import op

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None

STATEMENTS = [
    """
    CREATE TABLE fraud_screenings (
        order_id varchar CONSTRAINT pk_fraud_screenings PRIMARY KEY,
        revision integer NOT NULL,
        document jsonb NOT NULL,
        judged_at timestamptz NOT NULL
    )
    """,
    "COMMENT ON TABLE fraud_screenings IS 'How an order was judged, which it is once: whoever asks again is told the same'",
]


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
