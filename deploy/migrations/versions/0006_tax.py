"""Tax rates that operators add, and what registers answered about VAT ids."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

TABLES = [
    """
    CREATE TABLE tax_rates (
        id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_tax_rates PRIMARY KEY,
        country varchar NOT NULL,
        region varchar,
        tax varchar NOT NULL,
        category varchar NOT NULL,
        document jsonb NOT NULL,
        added_by varchar NOT NULL,
        added_at timestamptz NOT NULL
    )
    """,
    "COMMENT ON TABLE tax_rates IS 'Rates that operators added to the shipped ones; append-only'",
    """
    CREATE TRIGGER tax_rates_append_only BEFORE UPDATE OR DELETE ON tax_rates
        FOR EACH ROW EXECUTE FUNCTION append_only()
    """,
    """
    CREATE TABLE vat_proofs (
        vat_id varchar NOT NULL,
        checked_at timestamptz NOT NULL,
        result varchar NOT NULL,
        consultation varchar,
        name varchar,
        service varchar NOT NULL,
        CONSTRAINT pk_vat_proofs PRIMARY KEY (vat_id, checked_at)
    )
    """,
    "COMMENT ON TABLE vat_proofs IS 'What tax registers answered'",
    "COMMENT ON COLUMN vat_proofs.name IS 'personal data where the trader is a person'",
    """
    CREATE TABLE vat_checks (
        customer varchar CONSTRAINT pk_vat_checks PRIMARY KEY
            CONSTRAINT fk_vat_checks_customer REFERENCES customers (id),
        vat_id varchar NOT NULL,
        due_at timestamptz NOT NULL,
        attempts integer NOT NULL
    )
    """,
    "CREATE INDEX ix_vat_checks_due ON vat_checks (due_at, customer)",
    "COMMENT ON TABLE vat_checks IS 'Customers whose VAT id is checked with a register, and when it is due next'",
    "COMMENT ON COLUMN vat_checks.attempts IS 'in a row without an answer'",
]


def upgrade() -> None:
    for statement in TABLES:
        op.execute(statement)
