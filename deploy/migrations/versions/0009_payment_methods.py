"""What customers have on file to pay with, and a method of its own for a subscription."""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

STATEMENTS = [
    """
    CREATE TABLE payment_methods (
        id varchar CONSTRAINT pk_payment_methods PRIMARY KEY,
        customer varchar NOT NULL CONSTRAINT fk_payment_methods_customer REFERENCES customers (id),
        state varchar NOT NULL,
        facts jsonb NOT NULL,
        expires_at timestamptz,
        added_at timestamptz NOT NULL
    )
    """,
    "CREATE INDEX ix_payment_methods_customer_added_at_id ON payment_methods (customer, added_at, id)",
    "CREATE INDEX ix_payment_methods_expiring ON payment_methods (expires_at, id) WHERE state = 'active'",
    "COMMENT ON COLUMN payment_methods.id IS 'from customer, gateway and token: the same token is one method'",
    "COMMENT ON COLUMN payment_methods.facts IS 'what a person may be shown of it; never a card number'",
    """
    CREATE TABLE payment_method_tokens (
        method varchar NOT NULL CONSTRAINT fk_payment_method_tokens_method REFERENCES payment_methods (id),
        gateway varchar NOT NULL,
        token varchar NOT NULL,
        CONSTRAINT pk_payment_method_tokens PRIMARY KEY (method, gateway)
    )
    """,
    "CREATE INDEX ix_payment_method_tokens_gateway_token ON payment_method_tokens (gateway, token)",
    "COMMENT ON TABLE payment_method_tokens IS 'What each gateway calls a method'",
    """
    CREATE TABLE payment_method_events (
        method varchar NOT NULL CONSTRAINT fk_payment_method_events_method REFERENCES payment_methods (id),
        key varchar NOT NULL,
        type varchar NOT NULL,
        actor varchar NOT NULL,
        summary varchar NOT NULL,
        at timestamptz NOT NULL,
        CONSTRAINT pk_payment_method_events PRIMARY KEY (method, key)
    )
    """,
    "CREATE INDEX ix_payment_method_events_method_at ON payment_method_events (method, at)",
    "COMMENT ON TABLE payment_method_events IS 'What became of payment methods, and through whom; append-only'",
    "COMMENT ON COLUMN payment_method_events.key IS 'what happened, so that telling it twice is telling it once'",
    """
    CREATE TRIGGER payment_method_events_append_only BEFORE UPDATE OR DELETE ON payment_method_events
        FOR EACH ROW EXECUTE FUNCTION append_only()
    """,
    "ALTER TABLE subscriptions ADD COLUMN payment_method varchar",
    "CREATE INDEX ix_subscriptions_payment_method ON subscriptions (payment_method) WHERE payment_method IS NOT NULL",
    "COMMENT ON COLUMN subscriptions.payment_method IS 'its own; empty where the customer''s default is charged'",
]


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
