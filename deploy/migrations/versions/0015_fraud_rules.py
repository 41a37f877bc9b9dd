"""Fraud rules, each version of each as it was published."""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

STATEMENTS = [
    """
    CREATE TABLE fraud_rules (
        id varchar NOT NULL,
        version integer NOT NULL,
        document jsonb,
        published_at timestamptz NOT NULL,
        published_by varchar NOT NULL,
        CONSTRAINT pk_fraud_rules PRIMARY KEY (id, version)
    )
    """,
    "COMMENT ON TABLE fraud_rules IS 'Append-only: the highest version of each holds; without a document it is retired'",
    "CREATE INDEX ix_disputes_customer ON disputes (customer)",
]


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
