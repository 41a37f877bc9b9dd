"""Dunning: its policies, and the case of each invoice that is not paid."""

from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

STATEMENTS = [
    """
    CREATE TABLE dunning_policies (
        id varchar NOT NULL,
        version integer NOT NULL,
        document jsonb NOT NULL,
        published_at timestamptz NOT NULL,
        published_by varchar NOT NULL,
        CONSTRAINT pk_dunning_policies PRIMARY KEY (id, version)
    )
    """,
    "COMMENT ON TABLE dunning_policies IS 'Append-only: the highest version of each holds'",
    """
    CREATE TABLE dunning_cases (
        invoice varchar NOT NULL,
        customer varchar NOT NULL,
        state varchar NOT NULL,
        document jsonb NOT NULL,
        CONSTRAINT pk_dunning_cases PRIMARY KEY (invoice),
        CONSTRAINT fk_dunning_cases_invoice FOREIGN KEY (invoice) REFERENCES invoices (id),
        CONSTRAINT fk_dunning_cases_customer FOREIGN KEY (customer) REFERENCES customers (id)
    )
    """,
    "COMMENT ON TABLE dunning_cases IS 'Of an invoice that is not paid: which policy it goes by, and how far it is'",
    "CREATE INDEX ix_dunning_cases_customer ON dunning_cases (customer)",
]


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
