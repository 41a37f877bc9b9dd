"""Payments that were given up are asked about until it is certain that nothing comes of them, those of before included."""

from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

STATEMENTS = [
    """
    CREATE TABLE given_up_payments (
        key varchar NOT NULL,
        begun_at timestamptz NOT NULL,
        due_at timestamptz NOT NULL,
        questions integer NOT NULL,
        turned_up varchar,
        CONSTRAINT pk_given_up_payments PRIMARY KEY (key)
    )
    """,
    "CREATE INDEX ix_given_up_payments_due_at ON given_up_payments (due_at)",
    "COMMENT ON TABLE given_up_payments IS 'Payments that were given up and may settle all the same, until that is certain'",
    "COMMENT ON COLUMN given_up_payments.turned_up IS 'what was found at the gateway first'",
    """
    INSERT INTO given_up_payments (key, begun_at, due_at, questions)
    SELECT a.key, now.at, now.at, 0
      FROM payment_attempts a
      LEFT JOIN payments p ON p.key = a.key
      LEFT JOIN collections c ON c.key = a.key,
      LATERAL (SELECT clock_timestamp() AS at) now
     WHERE a.asked_at > clock_timestamp() - interval '14 days'
       AND (a.outcome IS NULL OR a.outcome IN ('unknown', 'not_attempted'))
       AND (p.state = 'voided' OR c.state = 'elsewhere')
    """,
]


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
