"""What a customer has in a service that has ended is given out before that is taken down."""

from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None

STATEMENTS = [
    """
    CREATE TABLE service_exports (
        service varchar NOT NULL,
        system varchar NOT NULL,
        customer varchar NOT NULL,
        state varchar NOT NULL,
        asked_at timestamptz NOT NULL,
        ready_at timestamptz,
        address varchar,
        expires_at timestamptz,
        failures integer NOT NULL DEFAULT 0,
        CONSTRAINT pk_service_exports PRIMARY KEY (service, system),
        CONSTRAINT fk_service_exports_service FOREIGN KEY (service) REFERENCES services (id),
        CONSTRAINT fk_service_exports_customer FOREIGN KEY (customer) REFERENCES customers (id)
    )
    """,
    "CREATE INDEX ix_service_exports_customer ON service_exports (customer)",
    "CREATE INDEX ix_service_exports_pending ON service_exports (service) WHERE state IN ('working', 'failed')",
    "COMMENT ON TABLE service_exports IS"
    " 'What customers had in services that ended, given out to them before those are taken down'",
    "COMMENT ON COLUMN service_exports.system IS 'the adapter of the system that holds the data'",
    "COMMENT ON COLUMN service_exports.address IS"
    " 'as good as a password; empty once it has expired or the service is taken down'",
]


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
