"""What every table is made of: keys, references, flags, and the invariants of the domain's enumerations.

Money is integer ten-thousandths, time integer microseconds since 1970 UTC, ids 64-bit, JSON is text.
"""

from enum import StrEnum
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Integer,
    MetaData,
    SmallInteger,
    Text,
    false,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite numbers its rows only when the key is spelled INTEGER.
Key = BigInteger().with_variant(Integer(), "sqlite")
Flag = Boolean().with_variant(SmallInteger(), "sqlite")


def key() -> Column[int]:
    """The table's own id."""
    return Column("id", Key, primary_key=True)


def ref(name: str, target: str, nullable: bool = False) -> Column[int]:
    """The id of a row of `target`."""
    return Column(name, BigInteger, ForeignKey(f"{target}.id"), nullable=nullable)


def text(name: str, nullable: bool = True, default: str | None = None) -> Column[str]:
    """Text, JSON included."""
    return Column(name, Text, nullable=nullable, server_default=default)


def number(name: str, nullable: bool = False, default: str | None = None) -> Column[int]:
    """A quantity, an amount, a moment, or an id without a foreign key."""
    return Column(name, BigInteger, nullable=nullable, server_default=default)


def flag(name: str, nullable: bool = False, default: bool = False) -> Column[Any]:
    """Yes or no; `default`: no, where a row does not say."""
    return Column(name, Flag, nullable=nullable, server_default=false() if default else None)


def one_of(column: str, values: type[StrEnum]) -> CheckConstraint:
    """The invariant of the enumeration, repeated where the row lies; generated, never written twice."""
    listed = ", ".join(f"'{value.value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=column)
