"""What a subscription does after its order: due rows, its events, and test clocks."""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

STATEMENTS = [
    """
    CREATE TABLE test_clocks (
        id varchar NOT NULL,
        name varchar NOT NULL,
        now timestamptz NOT NULL,
        target timestamptz,
        created_at timestamptz NOT NULL,
        created_by varchar NOT NULL,
        CONSTRAINT pk_test_clocks PRIMARY KEY (id)
    )
    """,
    "COMMENT ON COLUMN test_clocks.target IS 'where it is being advanced to; empty where it stands still'",
    "ALTER TABLE customers ADD COLUMN clock varchar, ADD CONSTRAINT fk_customers_clock_test_clocks"
    " FOREIGN KEY (clock) REFERENCES test_clocks (id)",
    "CREATE INDEX ix_customers_clock ON customers (clock) WHERE clock IS NOT NULL",
    """
    CREATE TABLE due_rows (
        key varchar NOT NULL,
        kind varchar NOT NULL,
        subject varchar NOT NULL,
        customer varchar NOT NULL,
        clock varchar,
        due_at timestamptz NOT NULL,
        handed_at timestamptz NOT NULL,
        payload jsonb NOT NULL,
        attempts integer NOT NULL DEFAULT 0,
        error varchar,
        CONSTRAINT pk_due_rows PRIMARY KEY (key),
        CONSTRAINT fk_due_rows_customer_customers FOREIGN KEY (customer) REFERENCES customers (id)
    )
    """,
    "COMMENT ON TABLE due_rows IS 'What must happen at a business date; gone once it has happened'",
    "COMMENT ON COLUMN due_rows.clock IS 'the test clock that says when it is due; real time where empty'",
    "COMMENT ON COLUMN due_rows.handed_at IS 'when it is handed out next: first at due_at, again where nothing came of it'",
    "CREATE INDEX ix_due_rows_handed_at ON due_rows (handed_at) WHERE clock IS NULL",
    "CREATE INDEX ix_due_rows_clock ON due_rows (clock, due_at) WHERE clock IS NOT NULL",
    "CREATE INDEX ix_due_rows_subject ON due_rows (subject)",
    """
    CREATE TABLE subscription_events (
        subscription varchar NOT NULL,
        seq integer NOT NULL,
        key varchar NOT NULL,
        type varchar NOT NULL,
        at timestamptz NOT NULL,
        recorded_at timestamptz NOT NULL,
        actor varchar NOT NULL,
        summary varchar NOT NULL,
        data jsonb NOT NULL,
        CONSTRAINT pk_subscription_events PRIMARY KEY (subscription, seq),
        CONSTRAINT fk_subscription_events_subscription_subscriptions
            FOREIGN KEY (subscription) REFERENCES subscriptions (id),
        CONSTRAINT uq_subscription_events_subscription_key UNIQUE (subscription, key)
    )
    """,
    "COMMENT ON COLUMN subscription_events.at IS 'business time: that of the test clock, where the customer has one'",
    "CREATE TRIGGER subscription_events_append_only BEFORE UPDATE OR DELETE ON subscription_events"
    " FOR EACH ROW EXECUTE FUNCTION append_only()",
    "ALTER TABLE subscriptions ADD COLUMN next_renewal timestamptz, ADD COLUMN paid_until timestamptz,"
    " ADD COLUMN ended_at timestamptz, ADD COLUMN event_count integer NOT NULL DEFAULT 0",
]


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
