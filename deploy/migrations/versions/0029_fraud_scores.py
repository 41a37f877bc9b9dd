"""Fraud scores of a service outside are kept with their orders; what the fraud check goes by is kept in versions."""

from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

STATEMENTS = [
    """
    CREATE TABLE fraud_scores (
        order_id varchar NOT NULL,
        score integer,
        trouble varchar NOT NULL,
        answered_at timestamptz NOT NULL,
        CONSTRAINT pk_fraud_scores PRIMARY KEY (order_id)
    )
    """,
    "COMMENT ON TABLE fraud_scores IS 'What a fraud service says of an order, asked once; without a score why there is none'",
    """
    CREATE TABLE fraud_settings (
        kind varchar NOT NULL,
        version integer NOT NULL,
        document jsonb NOT NULL,
        published_at timestamptz NOT NULL,
        published_by varchar NOT NULL,
        CONSTRAINT pk_fraud_settings PRIMARY KEY (kind, version)
    )
    """,
    "COMMENT ON TABLE fraud_settings IS 'Append-only: the highest version of each kind holds'",
    """
    INSERT INTO fraud_settings (kind, version, document, published_at, published_by)
    SELECT 'thresholds', 1, document, clock_timestamp(), 'migration' FROM settings WHERE kind = 'fraud_thresholds'
    """,
    "DELETE FROM settings WHERE kind = 'fraud_thresholds'",
]


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
