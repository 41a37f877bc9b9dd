"""Whoever dispatches is told of what there is to send."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

STATEMENTS = [
    """
    CREATE FUNCTION tell_of_dispatches() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_notify('turnup_dispatches', '');
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER dispatches_are_told AFTER INSERT ON dispatches
        FOR EACH STATEMENT EXECUTE FUNCTION tell_of_dispatches()
    """,
]


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
