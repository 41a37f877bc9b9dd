"""What fraud rules count: orders by card, customer and address, and declined payments by method."""

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

STATEMENTS = [
    """
    CREATE TABLE fraud_sightings (
        order_id varchar NOT NULL,
        subject varchar NOT NULL,
        currency varchar NOT NULL,
        amount bigint NOT NULL,
        at timestamptz NOT NULL,
        CONSTRAINT pk_fraud_sightings PRIMARY KEY (order_id, subject)
    )
    """,
    "COMMENT ON TABLE fraud_sightings IS 'What fraud rules count: each order once of each; thirty days are kept'",
    "COMMENT ON COLUMN fraud_sightings.subject IS 'card, customer or address, and a digest of which'",
    "CREATE INDEX ix_fraud_sightings_subject_at ON fraud_sightings (subject, at)",
    "CREATE INDEX ix_fraud_sightings_at ON fraud_sightings (at)",
    "CREATE INDEX ix_payment_attempts_declined ON payment_attempts (method, asked_at)"
    " WHERE outcome IN ('declined_soft', 'declined_hard')",
    "CREATE INDEX ix_payment_methods_fingerprint ON payment_methods ((facts ->> 'fingerprint'))",
]


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
