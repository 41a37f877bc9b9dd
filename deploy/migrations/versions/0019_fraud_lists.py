"""Who is blocked and who is trusted, each change as it was made."""

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

STATEMENTS = [
    """
    CREATE TABLE fraud_lists (
        id varchar NOT NULL,
        version integer NOT NULL,
        document jsonb,
        published_at timestamptz NOT NULL,
        published_by varchar NOT NULL,
        CONSTRAINT pk_fraud_lists PRIMARY KEY (id, version)
    )
    """,
    "COMMENT ON TABLE fraud_lists IS 'Append-only: the highest version of each holds; without a document it is removed'",
]


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
