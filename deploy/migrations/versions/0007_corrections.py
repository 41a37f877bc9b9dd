"""What people did to invoices, what a credit note was asked for under, and lists of both."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

STATEMENTS = [
    """
    CREATE TABLE invoice_events (
        invoice varchar NOT NULL CONSTRAINT fk_invoice_events_invoice REFERENCES invoices (id),
        seq integer NOT NULL,
        type varchar NOT NULL,
        actor varchar NOT NULL,
        summary varchar NOT NULL,
        at timestamptz NOT NULL,
        CONSTRAINT pk_invoice_events PRIMARY KEY (invoice, seq)
    )
    """,
    "COMMENT ON TABLE invoice_events IS 'What people did to invoices, who and why; append-only'",
    """
    CREATE TRIGGER invoice_events_append_only BEFORE UPDATE OR DELETE ON invoice_events
        FOR EACH ROW EXECUTE FUNCTION append_only()
    """,
    "ALTER TABLE credit_notes ADD COLUMN key varchar, ADD COLUMN request_digest varchar",
    "ALTER TABLE credit_notes ADD CONSTRAINT uq_credit_notes_invoice_key UNIQUE (invoice, key)",
    "CREATE INDEX ix_invoices_legal_entity ON invoices (legal_entity, gathered_at, id)",
    "CREATE INDEX ix_credit_notes_customer ON credit_notes (customer, issued_at, id)",
    "COMMENT ON COLUMN credit_notes.key IS 'what it was asked for under: the same again is the same note'",
]


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
