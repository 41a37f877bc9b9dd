"""Which gateway each payment was sent to, by which rule, and what came of it."""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

STATEMENTS = [
    "ALTER TABLE payments ADD COLUMN gateway varchar",
    """
    CREATE TABLE payment_attempts (
        key varchar CONSTRAINT pk_payment_attempts PRIMARY KEY,
        gateway varchar NOT NULL,
        method varchar NOT NULL,
        customer varchar NOT NULL,
        currency varchar NOT NULL,
        amount bigint NOT NULL,
        rule varchar NOT NULL,
        looks jsonb NOT NULL,
        asked_at timestamptz NOT NULL,
        answered_at timestamptz,
        outcome varchar,
        code varchar,
        elsewhere boolean NOT NULL DEFAULT false,
        request_id varchar,
        reference varchar,
        action varchar,
        latency_ms integer,
        fee bigint
    )
    """,
    "CREATE INDEX ix_payment_attempts_asked_at_key ON payment_attempts (asked_at, key)",
    "CREATE INDEX ix_payment_attempts_customer_asked_at_key ON payment_attempts (customer, asked_at, key)",
    "CREATE INDEX ix_payment_attempts_gateway_answered_at ON payment_attempts (gateway, answered_at)",
    "COMMENT ON TABLE payment_attempts IS 'Written before a gateway is asked: it is asked again at the same one'",
    """
    CREATE TABLE routing_rules (
        id varchar NOT NULL,
        version integer NOT NULL,
        document jsonb,
        published_at timestamptz NOT NULL,
        published_by varchar NOT NULL,
        CONSTRAINT pk_routing_rules PRIMARY KEY (id, version)
    )
    """,
    "COMMENT ON TABLE routing_rules IS 'Append-only: the highest version of each holds; without a document it is retired'",
    """
    CREATE TABLE gateway_health (
        gateway varchar CONSTRAINT pk_gateway_health PRIMARY KEY,
        healthy boolean NOT NULL,
        answered integer NOT NULL,
        failed integer NOT NULL,
        since timestamptz NOT NULL,
        checked_at timestamptz NOT NULL
    )
    """,
    "COMMENT ON TABLE gateway_health IS 'How well each gateway answered of late, as a worker last counted it'",
]


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
