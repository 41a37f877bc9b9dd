"""What all tables share. Money is a bigint of minor units beside its currency; moments are timestamptz in UTC."""

from sqlalchemy import Column, DateTime, ForeignKey, MetaData, String

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def moment(name: str, *, optional: bool = False) -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=optional)


def order_id() -> Column[object]:
    return Column("order_id", String, ForeignKey("orders.id"), nullable=False)
