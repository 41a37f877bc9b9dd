"""What comes after a payment: what gateways tell, refunds, disputes, returned debits, stopped charges and blocked access."""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

STATEMENTS = [
    """
    CREATE TABLE gateway_inbox (
        gateway varchar NOT NULL,
        event_id varchar NOT NULL,
        kind varchar NOT NULL,
        body jsonb NOT NULL,
        received_at timestamptz NOT NULL,
        CONSTRAINT pk_gateway_inbox PRIMARY KEY (gateway, event_id)
    )
    """,
    "COMMENT ON TABLE gateway_inbox IS 'What gateways told, each message once; written with what Temporal is told of it'",
    """
    CREATE TABLE refunds (
        id varchar CONSTRAINT pk_refunds PRIMARY KEY,
        key varchar NOT NULL,
        payment varchar NOT NULL,
        customer varchar,
        currency varchar NOT NULL,
        amount bigint NOT NULL,
        state varchar NOT NULL,
        reason varchar NOT NULL DEFAULT '',
        access varchar NOT NULL,
        message varchar NOT NULL DEFAULT '',
        requested_by varchar NOT NULL,
        requested_at timestamptz NOT NULL,
        settled_at timestamptz,
        CONSTRAINT uq_refunds_key UNIQUE (key),
        CONSTRAINT ck_refunds_more_than_nothing CHECK (amount > 0)
    )
    """,
    "CREATE INDEX ix_refunds_payment ON refunds (payment)",
    "CREATE INDEX ix_refunds_requested_at_id ON refunds (requested_at, id)",
    "COMMENT ON TABLE refunds IS 'Written before a gateway is asked: what is promised of a payment is promised once'",
    """
    INSERT INTO refunds (id, key, payment, currency, amount, state, access, requested_by, requested_at, settled_at)
    SELECT entry.transaction, entry.transaction, split_part(entry.transaction, ':refund:', 1), entry.currency, -entry.amount,
           'succeeded', 'keep', 'order', entry.posted_at, entry.posted_at
      FROM ledger_entries entry
     WHERE entry.transaction LIKE '%:payment:%:refund:%' AND entry.account LIKE 'cash:%' AND entry.amount < 0
    """,
    """
    CREATE TABLE disputes (
        id varchar CONSTRAINT pk_disputes PRIMARY KEY,
        gateway varchar NOT NULL,
        name varchar NOT NULL,
        payment varchar NOT NULL,
        customer varchar,
        currency varchar NOT NULL,
        amount bigint NOT NULL,
        fee bigint NOT NULL DEFAULT 0,
        state varchar NOT NULL,
        reason varchar NOT NULL DEFAULT '',
        access varchar NOT NULL,
        lost_as varchar NOT NULL,
        deadline timestamptz,
        opened_at timestamptz NOT NULL,
        evidence jsonb,
        evidence_by varchar,
        evidence_at timestamptz,
        closed_at timestamptz,
        CONSTRAINT uq_disputes_gateway_name UNIQUE (gateway, name)
    )
    """,
    "CREATE INDEX ix_disputes_payment ON disputes (payment)",
    "CREATE INDEX ix_disputes_opened_at_id ON disputes (opened_at, id)",
    """
    CREATE TABLE charge_stops (
        customer varchar NOT NULL,
        source varchar NOT NULL,
        reason varchar NOT NULL,
        opened_at timestamptz NOT NULL,
        lifted_at timestamptz,
        CONSTRAINT pk_charge_stops PRIMARY KEY (customer, source)
    )
    """,
    "COMMENT ON TABLE charge_stops IS 'Why a customer is not charged; each lifted only by what it came from'",
    """
    CREATE TABLE access_blocks (
        service varchar NOT NULL,
        reason varchar NOT NULL,
        source varchar NOT NULL,
        opened_at timestamptz NOT NULL,
        lifted_at timestamptz,
        CONSTRAINT pk_access_blocks PRIMARY KEY (service, reason, source)
    )
    """,
    "CREATE INDEX ix_access_blocks_source ON access_blocks (source)",
    "COMMENT ON TABLE access_blocks IS 'Why a service is not to be used; each lifted only by what it came from'",
    """
    CREATE TABLE representments (
        payment varchar CONSTRAINT pk_representments PRIMARY KEY,
        invoice varchar,
        reason varchar NOT NULL,
        count integer NOT NULL,
        due_at timestamptz,
        why varchar NOT NULL,
        decided_at timestamptz NOT NULL
    )
    """,
    "CREATE INDEX ix_representments_invoice ON representments (invoice)",
    "COMMENT ON TABLE representments IS 'Of each returned debit, when it may be asked for again, or why never'",
]


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
