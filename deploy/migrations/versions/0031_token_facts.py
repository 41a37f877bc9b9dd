"""What gateways say of bare tokens is kept, so that rules and counters hold for them too."""

from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

STATEMENTS = [
    """
    CREATE TABLE token_facts (
        token varchar NOT NULL,
        facts jsonb,
        asked_at timestamptz NOT NULL,
        CONSTRAINT pk_token_facts PRIMARY KEY (token)
    )
    """,
    "CREATE INDEX ix_token_facts_fingerprint ON token_facts ((facts ->> 'fingerprint'))",
    "COMMENT ON TABLE token_facts IS 'What the default gateway says of bare tokens; without facts it could not say anything'",
]


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
