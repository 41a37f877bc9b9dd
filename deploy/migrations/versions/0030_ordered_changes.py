"""What became of each change of a subscription that an order asked for."""

from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

STATEMENTS = [
    """
    CREATE TABLE ordered_changes (
        reference varchar NOT NULL CONSTRAINT pk_ordered_changes PRIMARY KEY,
        subscription varchar NOT NULL CONSTRAINT fk_ordered_changes_subscription_subscriptions REFERENCES subscriptions (id),
        answer jsonb,
        refusal varchar,
        settled_at timestamptz NOT NULL
    )
    """,
    "CREATE INDEX ix_ordered_changes_subscription ON ordered_changes (subscription)",
    "COMMENT ON TABLE ordered_changes IS 'What became of each change that an order asked for: whatever is written first holds'",
    "COMMENT ON COLUMN ordered_changes.reference IS 'of the order''s item that asked for it: <order>:<item>'",
    "COMMENT ON COLUMN ordered_changes.answer IS 'what the change or the end came to; empty where it was refused for good'",
]


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
