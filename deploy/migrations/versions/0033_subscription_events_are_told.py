"""Whoever listens is told of what happened to a subscription, as of what happened to an order."""

from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

STATEMENTS = [
    """
    CREATE FUNCTION tell_of_subscription_event() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_notify('turnup_events', NEW.subscription);
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER subscription_events_are_told AFTER INSERT ON subscription_events
        FOR EACH ROW EXECUTE FUNCTION tell_of_subscription_event()
    """,
]


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
