"""Payments asked for what invoices are due."""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

STATEMENTS = [
    """
    CREATE TABLE collections (
        key varchar CONSTRAINT pk_collections PRIMARY KEY,
        invoice varchar NOT NULL CONSTRAINT fk_collections_invoice REFERENCES invoices (id),
        number integer NOT NULL,
        customer varchar NOT NULL,
        method varchar NOT NULL,
        currency varchar NOT NULL,
        amount bigint NOT NULL,
        state varchar NOT NULL,
        reason varchar NOT NULL,
        gateway varchar,
        code varchar,
        begun_at timestamptz NOT NULL,
        ended_at timestamptz,
        CONSTRAINT uq_collections_invoice_number UNIQUE (invoice, number)
    )
    """,
    "CREATE UNIQUE INDEX ix_collections_open ON collections (invoice) WHERE state = 'asked'",
    "COMMENT ON TABLE collections IS 'Payments asked for what invoices are due; one of an invoice at a time is undecided'",
]


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
