"""How each invoiced line is earned; what is still deferred of those that were issued before is earned from their issue on."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

STATEMENTS = [
    """
    CREATE TABLE revenue_schedules (
        line varchar CONSTRAINT pk_revenue_schedules PRIMARY KEY,
        invoice varchar NOT NULL CONSTRAINT fk_revenue_schedules_invoice REFERENCES invoices (id),
        legal_entity varchar NOT NULL,
        due_on date,
        document jsonb NOT NULL
    )
    """,
    """
    CREATE INDEX ix_revenue_schedules_due ON revenue_schedules (legal_entity, due_on, line) WHERE due_on IS NOT NULL
    """,
    "CREATE INDEX ix_revenue_schedules_invoice ON revenue_schedules (invoice)",
    "COMMENT ON TABLE revenue_schedules IS 'How what was invoiced for a line is earned, and how far that is booked'",
    "COMMENT ON COLUMN revenue_schedules.due_on IS 'the first day whose revenue is not booked; empty where all is'",
    """
    INSERT INTO revenue_schedules (line, invoice, legal_entity, due_on, document)
    SELECT line ->> 'id', invoice.id, invoice.legal_entity, (invoice.issued_at AT TIME ZONE 'UTC')::date,
           jsonb_build_object('line', line ->> 'id', 'net', taxed -> 'net', 'period', line -> 'period',
                              'begins_at', invoice.issued_at, 'issued_at', invoice.issued_at)
      FROM invoices invoice
      JOIN LATERAL jsonb_array_elements(invoice.document -> 'lines') line ON true
      JOIN LATERAL jsonb_array_elements(invoice.document #> '{taxed,lines}') taxed ON taxed ->> 'id' = line ->> 'id'
     WHERE invoice.number IS NOT NULL AND EXISTS (
           SELECT FROM ledger_entries entry WHERE entry.subject = line ->> 'id' AND entry.account = 'deferred_revenue'
           HAVING sum(entry.amount) <> 0)
    """,
]


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
