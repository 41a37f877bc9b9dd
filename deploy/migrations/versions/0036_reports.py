"""What reports are summed up from: how recurring revenue moves, how dunning comes out, and how many subscriptions there are."""

from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None

STATEMENTS = [
    """
    CREATE TABLE recurring_revenue (
        subscription varchar NOT NULL CONSTRAINT fk_recurring_revenue_subscription_subscriptions REFERENCES subscriptions (id),
        number integer NOT NULL,
        movement varchar NOT NULL,
        at timestamp with time zone NOT NULL,
        clock varchar NOT NULL,
        currency varchar NOT NULL,
        amount bigint NOT NULL,
        CONSTRAINT pk_recurring_revenue PRIMARY KEY (subscription, number)
    )
    """,
    """
    COMMENT ON TABLE recurring_revenue IS
    'How the recurring revenue of each subscription moved; all of one add up to what a month of it comes to'
    """,
    "COMMENT ON COLUMN recurring_revenue.at IS 'business time'",
    "COMMENT ON COLUMN recurring_revenue.clock IS 'the test clock of its customer; empty for one in real time'",
    "COMMENT ON COLUMN recurring_revenue.amount IS 'by how much a month of it came to more, or less'",
    "CREATE INDEX ix_recurring_revenue_at ON recurring_revenue (clock, at)",
    """
    CREATE TABLE dunning_openings (
        invoice varchar NOT NULL CONSTRAINT fk_dunning_openings_invoice_invoices REFERENCES invoices (id),
        opening integer NOT NULL,
        clock varchar NOT NULL,
        currency varchar NOT NULL,
        opened_at timestamp with time zone NOT NULL,
        owed bigint NOT NULL,
        paid_before bigint NOT NULL,
        closed_at timestamp with time zone,
        result varchar,
        recovered bigint NOT NULL DEFAULT 0,
        lost bigint NOT NULL DEFAULT 0,
        attempts integer NOT NULL DEFAULT 0,
        CONSTRAINT pk_dunning_openings PRIMARY KEY (invoice, opening)
    )
    """,
    "COMMENT ON TABLE dunning_openings IS 'How each opening of a dunning case began and came out'",
    "COMMENT ON COLUMN dunning_openings.clock IS 'the test clock of its customer; empty for one in real time'",
    "COMMENT ON COLUMN dunning_openings.owed IS 'was due when it was opened'",
    "COMMENT ON COLUMN dunning_openings.paid_before IS 'of the invoice, when it was opened'",
    "COMMENT ON COLUMN dunning_openings.result IS 'empty while it is open'",
    "COMMENT ON COLUMN dunning_openings.recovered IS 'was paid while it was open'",
    "COMMENT ON COLUMN dunning_openings.lost IS 'was still due, or was given up'",
    "COMMENT ON COLUMN dunning_openings.attempts IS 'charges that it had made by itself'",
    "CREATE INDEX ix_dunning_openings_opened_at ON dunning_openings (clock, opened_at) INCLUDE (currency, owed)",
    """
    CREATE INDEX ix_dunning_openings_closed_at ON dunning_openings (clock, closed_at)
    INCLUDE (currency, result, attempts, recovered, lost, owed)
    """,
    """
    INSERT INTO dunning_openings (invoice, opening, clock, currency, opened_at, owed, paid_before)
    SELECT one.invoice, (one.document ->> 'opening')::int, COALESCE(customers.clock, ''), invoices.currency,
           (one.document ->> 'opened_at')::timestamptz, invoices.amount_due, invoices.paid
      FROM dunning_cases one JOIN invoices ON invoices.id = one.invoice JOIN customers ON customers.id = one.customer
     WHERE one.state = 'open'
    """,
    "CREATE INDEX ix_subscriptions_state ON subscriptions (state)",
]


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
