"""Services that are closed or opened again are so at the systems that built them too."""

from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

STATEMENTS = [
    "ALTER TABLE services ADD COLUMN access_changes integer DEFAULT 0 NOT NULL",
    "COMMENT ON COLUMN services.access_changes IS 'how often it was closed and opened again: odd while it is closed'",
    "CREATE INDEX ix_services_suspended ON services (id) WHERE state = 'suspended'",
    "CREATE INDEX ix_access_blocks_open ON access_blocks (service) WHERE lifted_at IS NULL",
    """
    UPDATE services SET access_changes = 1
     WHERE ended_at IS NULL
       AND EXISTS (SELECT 1 FROM access_blocks WHERE service = services.id AND lifted_at IS NULL)
    """,
    """
    INSERT INTO due_rows (key, kind, subject, customer, clock, due_at, handed_at, payload)
    SELECT services.id || '\\:access', 'access', services.id, customer, customers.clock, now.at, now.at, '{}'
      FROM services
      JOIN customers ON customers.id = customer
      LEFT JOIN test_clocks ON test_clocks.id = customers.clock,
      LATERAL (SELECT COALESCE(test_clocks.now, clock_timestamp()) AS at) now
     WHERE access_changes = 1 AND state = 'active'
    """,
    """
    INSERT INTO due_rows (key, kind, subject, customer, clock, due_at, handed_at, payload)
    SELECT subject || '\\:deprovision\\:terminate', kind, subject, customer, clock, later.at, later.at, payload
      FROM due_rows,
      LATERAL (SELECT due_at + COALESCE((SELECT (document ->> 'retention')::interval FROM settings WHERE kind = 'ending'),
                                        interval '30 days') AS at) later
     WHERE kind = 'deprovision' AND key LIKE '%\\:deprovision\\:suspend'
        ON CONFLICT DO NOTHING
    """,
    "DELETE FROM due_rows WHERE kind = 'deprovision' AND key LIKE '%\\:deprovision\\:suspend'",
]


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
