"""A change of an order that comes after a later one, as of a worker that stood still meanwhile, is passed over."""

from alembic import op

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None

STATEMENTS = [
    """
    ALTER TABLE orders ADD COLUMN change_run varchar NOT NULL DEFAULT '', ADD COLUMN change_number integer NOT NULL DEFAULT 0
    """,
    "COMMENT ON COLUMN orders.change_run IS 'the run of its process that made the last change written, and its number'",
]


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
