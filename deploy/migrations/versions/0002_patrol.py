"""The patrol: what it watches, how far it is, and what it found."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "patrol_rounds",
        sa.Column("only", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False, comment="orders up to this number have been seen or are watched"),
        sa.Column("orders", sa.Integer(), nullable=False, comment="how many the last round looked at"),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint('"only"', name=op.f("ck_patrol_rounds_one_row")),
        sa.PrimaryKeyConstraint("only", name=op.f("pk_patrol_rounds")),
        comment="How far the patrol is",
    )
    op.create_table(
        "patrol_watched",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("order_id", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_patrol_watched_order_id")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_patrol_watched")),
        comment="Orders that were not at their end when the patrol last came by",
    )
    op.create_table(
        "patrol_findings",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("invariant", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("order_id", sa.String(), nullable=True),
        sa.Column("expected", sa.String(), nullable=False),
        sa.Column("found", sa.String(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_patrol_findings")),
        comment="What the patrol found that must not be; closed when it was gone at a later round",
    )
    is_open = sa.text("closed_at IS NULL")
    op.create_index(
        "uq_patrol_findings_open", "patrol_findings", ["invariant", "subject"], unique=True, postgresql_where=is_open
    )
    op.create_index("ix_patrol_findings_order_id", "patrol_findings", ["order_id"], unique=False, postgresql_where=is_open)
