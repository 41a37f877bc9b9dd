"""Customers can ask to be erased; what is written once and for all gives way to that, and to nothing else."""

from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

STATEMENTS = [
    """
    CREATE TABLE erasures (
        customer varchar NOT NULL,
        state varchar NOT NULL,
        document jsonb NOT NULL,
        CONSTRAINT pk_erasures PRIMARY KEY (customer),
        CONSTRAINT fk_erasures_customer FOREIGN KEY (customer) REFERENCES customers (id)
    )
    """,
    "COMMENT ON TABLE erasures IS 'Requests to erase what is held of a customer, and what came of them'",
    """
    CREATE OR REPLACE FUNCTION append_only() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'UPDATE' AND TG_TABLE_NAME NOT LIKE 'ledger%' AND current_setting('turnup.erasing', true) = 'on' THEN
            RETURN NEW;
        END IF;
        RAISE EXCEPTION 'table % is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
    END $$
    """,
    """
    CREATE OR REPLACE FUNCTION issued_stays() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF OLD.number IS NOT NULL AND (TG_OP = 'DELETE' OR
            (OLD.number, OLD.document, OLD.issue_date, OLD.due_date, OLD.total, OLD.currency, OLD.customer, OLD.legal_entity)
            IS DISTINCT FROM
            (NEW.number, NEW.document, NEW.issue_date, NEW.due_date, NEW.total, NEW.currency, NEW.customer, NEW.legal_entity)
            OR (OLD.evidence IS DISTINCT FROM NEW.evidence
                AND current_setting('turnup.erasing', true) IS DISTINCT FROM 'on')) THEN
            RAISE EXCEPTION 'invoice % is issued and stays as it is; correct it by a credit note', OLD.number
                USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
    END $$
    """,
]


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
