"""Subscriptions that are charged by the year are reminded of that, also those that nothing happens to until then."""

from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

STATEMENT = """
    INSERT INTO due_rows (key, kind, subject, customer, clock, due_at, handed_at, payload)
    SELECT subscriptions.id || '\\:reminder', 'reminder', subscriptions.id, subscriptions.customer, customers.clock,
           COALESCE(test_clocks.now, clock_timestamp()), COALESCE(test_clocks.now, clock_timestamp()), '{}'
      FROM subscriptions JOIN customers ON customers.id = subscriptions.customer
      LEFT JOIN test_clocks ON test_clocks.id = customers.clock
     WHERE subscriptions.ended_at IS NULL AND subscriptions.document -> 'started_at' IS NOT NULL
       AND (jsonb_path_exists(subscriptions.document, '$.price.charges[*] ? (@.interval == "year" || @.interval_count >= 4)')
            OR subscriptions.document ->> 'trial_ends' IS NOT NULL)
        ON CONFLICT DO NOTHING
"""


def upgrade() -> None:
    op.execute(STATEMENT)
