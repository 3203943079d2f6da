"""ORM models with the same columns, indexes and event row as Waypost's tables."""

from sqlalchemy import BigInteger, Boolean, ForeignKey, Index, Integer, LargeBinary, String, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

Key = BigInteger().with_variant(Integer(), "sqlite")


class Base(DeclarativeBase):
    """All models."""

    type_annotation_map = {int: BigInteger}


class Token(Base):
    """An API token."""

    __tablename__ = "token"
    id: Mapped[int] = mapped_column(Key, primary_key=True)
    account_id: Mapped[int]
    digest: Mapped[bytes] = mapped_column(LargeBinary, unique=True)


class Request(Base):
    """A fulfillment request, all in one table."""

    __tablename__ = "fulfillment_request"
    id: Mapped[int] = mapped_column(Key, primary_key=True)
    account_id: Mapped[int]
    source_id: Mapped[int]
    channel_id: Mapped[int]
    order_id: Mapped[int]
    number: Mapped[str] = mapped_column(String(200))
    status: Mapped[str] = mapped_column(String(40))
    fulfillment_status: Mapped[str] = mapped_column(String(40))
    version: Mapped[int] = mapped_column(Integer)
    generated_at: Mapped[int]
    modified_at: Mapped[int]
    sent_at: Mapped[int | None] = mapped_column(BigInteger)
    acknowledged_at: Mapped[int | None] = mapped_column(BigInteger)
    canceled_at: Mapped[int | None] = mapped_column(BigInteger)
    voided_at: Mapped[int | None] = mapped_column(BigInteger)
    shipping_address: Mapped[str] = mapped_column(Text)
    billing_address: Mapped[str | None] = mapped_column(Text)
    shipping_text: Mapped[str | None] = mapped_column(Text)
    note: Mapped[str | None] = mapped_column(Text)
    total_items: Mapped[int]
    total_quantity: Mapped[int]
    total_cost: Mapped[int]
    shipped_quantity: Mapped[int]
    suppress_tracking: Mapped[bool] = mapped_column(Boolean)
    processing_error_reason: Mapped[str | None] = mapped_column(Text)
    failure_code: Mapped[str | None] = mapped_column(Text)
    attempt_count: Mapped[int] = mapped_column(Integer)
    lines: Mapped[list["Line"]] = relationship(order_by="Line.line_number", lazy="selectin")
    __table_args__ = (
        Index("ix_fr_account", "account_id", "id"),
        Index("ix_fr_source", "source_id", "status", "id"),
        Index("ix_fr_channel", "channel_id", "id"),
        Index("ix_fr_order", "order_id"),
        Index("ix_fr_number", "account_id", "number"),
        Index("ix_fr_status", "account_id", "status", "id"),
        Index("ix_fr_modified", "account_id", "modified_at"),
    )


class Line(Base):
    """A line of a request."""

    __tablename__ = "fulfillment_request_line"
    id: Mapped[int] = mapped_column(Key, primary_key=True)
    request_id: Mapped[int] = mapped_column(ForeignKey("fulfillment_request.id"), index=True)
    line_number: Mapped[int] = mapped_column(Integer)
    sku: Mapped[str] = mapped_column(Text)
    title: Mapped[str | None] = mapped_column(Text)
    quantity: Mapped[int]
    cost: Mapped[int]
    order_item_id: Mapped[int]
    acknowledged: Mapped[int]
    shipped: Mapped[int]
    canceled: Mapped[int]
    voided: Mapped[int]


class Event(Base):
    """What happened."""

    __tablename__ = "event"
    id: Mapped[int] = mapped_column(Key, primary_key=True)
    account_id: Mapped[int]
    at: Mapped[int]
    subject_id: Mapped[int] = mapped_column(BigInteger, index=True)
    type: Mapped[str] = mapped_column(Text)
    from_status: Mapped[str] = mapped_column(Text)
    to_status: Mapped[str] = mapped_column(Text)
    actor: Mapped[str] = mapped_column(Text)
    reason: Mapped[str | None] = mapped_column(Text)
