"""The conventional application: sync endpoints in the thread pool, a session per call, pydantic replies.

Run with `BENCH_DATABASE` set, under uvicorn with uvloop and httptools, as Waypost is.
"""

import hashlib
import json
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Header, HTTPException, Query, Response
from pydantic import BaseModel
from sqlalchemy import create_engine, event, select
from sqlalchemy.orm import Session, sessionmaker

from bench.conventional.models import Event, Line, Request, Token

URL = os.environ["BENCH_DATABASE"]
engine = create_engine(
    URL, pool_size=20, max_overflow=20, connect_args={"timeout": 30} if URL.startswith("sqlite") else {}
)
if URL.startswith("sqlite"):

    @event.listens_for(engine, "connect")
    def _settings(connection: Any, record: object) -> None:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")


sessions = sessionmaker(engine, expire_on_commit=False)
app = FastAPI()


def session() -> Iterator[Session]:
    """A session per call."""
    with sessions() as opened:
        yield opened


Db = Annotated[Session, Depends(session)]


def token(db: Db, x_api_token: Annotated[str, Header()]) -> Token:
    """The caller."""
    digest = hashlib.sha256(x_api_token.encode()).digest()
    found = db.scalar(select(Token).where(Token.digest == digest))
    if found is None:
        raise HTTPException(401)
    return found


Caller = Annotated[Token, Depends(token)]


class LineOut(BaseModel):
    """A line."""

    id: int
    lineItemNumber: int
    sku: str
    title: str | None
    quantity: int
    cost: float
    orderItemId: int
    inventoryVariantId: int | None = None
    itemReferenceId: str | None = None
    referenceId: str | None = None
    acknowledgedQuantity: int
    secondaryAcknowledgedQuantity: int = 0
    shippedQuantity: int
    canceledQuantity: int
    voidedQuantity: int
    upc: str | None = None
    mpn: str | None = None
    weight: float | None = None
    weightUnit: dict[str, str | None] = {"handle": None}
    length: float | None = None
    width: float | None = None
    height: float | None = None
    dimensionUnit: dict[str, str | None] = {"handle": None}
    customFields: list[dict[str, Any]] = []


class RequestOut(BaseModel):
    """A request, with the fields of the contract."""

    id: int
    fulfillmentRequestNumber: str
    orderId: int
    accountId: int
    channelId: int
    sourceId: int
    fulfillmentRequestStatus: dict[str, str]
    fulfillmentStatus: dict[str, str]
    generatedAt: datetime
    sentAt: datetime | None
    acknowledgedAt: datetime | None
    secondaryAcknowledgedAt: datetime | None = None
    canceledAt: datetime | None
    voidedAt: datetime | None
    lastModifiedAt: datetime
    holdUntil: datetime | None = None
    shippingAddress: dict[str, Any]
    billingAddress: dict[str, Any] | None
    shippingText: str | None
    sourceShippingMethodId: int | None = None
    carrier: str | None = None
    method: str | None = None
    note: str | None
    confirmationNumber: str | None = None
    totalItems: int
    totalQuantity: int
    shippedQuantity: int
    totalCost: float
    estimatedShippingCost: float | None = None
    estimatedDropshipFee: float | None = None
    suppressTracking: bool
    packageLength: float | None = None
    packageWidth: float | None = None
    packageHeight: float | None = None
    packageWeight: float | None = None
    packageDimensionUnit: dict[str, str | None] = {"handle": None}
    packageWeightUnit: dict[str, str | None] = {"handle": None}
    processingErrorReason: str | None
    cancelReason: str | None = None
    voidedReason: str | None = None
    accountingSynced: bool | None = None
    externalAccountingId: str | None = None
    accountingError: str | None = None
    attachmentLinks: list[str] = []
    customFields: list[dict[str, Any]] = []
    fulfillmentRequestItems: list[LineOut]
    failure: dict[str, Any] | None
    attemptCount: int
    allowedActions: list[str]
    version: int


def _when(moment: int | None) -> datetime | None:
    return None if moment is None else datetime.fromtimestamp(moment / 1e6, UTC)


def _line(line: Line) -> LineOut:
    return LineOut(
        id=line.id, lineItemNumber=line.line_number, sku=line.sku, title=line.title, quantity=line.quantity,
        cost=line.cost / 10_000, orderItemId=line.order_item_id, acknowledgedQuantity=line.acknowledged,
        shippedQuantity=line.shipped, canceledQuantity=line.canceled, voidedQuantity=line.voided,
    )  # fmt: skip


def _out(r: Request) -> RequestOut:
    failure = {"code": r.failure_code, "message": r.processing_error_reason} if r.processing_error_reason else None
    return RequestOut(
        id=r.id, fulfillmentRequestNumber=r.number, orderId=r.order_id, accountId=r.account_id, channelId=r.channel_id,
        sourceId=r.source_id, fulfillmentRequestStatus={"name": r.status, "handle": r.status},
        fulfillmentStatus={"name": r.fulfillment_status, "handle": r.fulfillment_status},
        generatedAt=datetime.fromtimestamp(r.generated_at / 1e6, UTC), sentAt=_when(r.sent_at),
        acknowledgedAt=_when(r.acknowledged_at), canceledAt=_when(r.canceled_at), voidedAt=_when(r.voided_at),
        lastModifiedAt=datetime.fromtimestamp(r.modified_at / 1e6, UTC), shippingAddress=json.loads(r.shipping_address),
        billingAddress=json.loads(r.billing_address) if r.billing_address else None, shippingText=r.shipping_text,
        note=r.note, totalItems=r.total_items, totalQuantity=r.total_quantity, shippedQuantity=r.shipped_quantity,
        totalCost=r.total_cost / 10_000, suppressTracking=r.suppress_tracking,
        processingErrorReason=r.processing_error_reason, fulfillmentRequestItems=[_line(line) for line in r.lines],
        failure=failure, attemptCount=r.attempt_count, allowedActions=["fail"] if r.status == "processing" else [],
        version=r.version,
    )  # fmt: skip


def _one(db: Session, caller: Token, id_: int, lock: bool = False) -> Request:
    query = select(Request).where(Request.id == id_, Request.account_id == caller.account_id)
    found = db.scalar(query.with_for_update() if lock else query)
    if found is None:
        raise HTTPException(404)
    return found


@app.patch("/fulfillment-requests/{id}/processing-failed", status_code=204)
def fail(db: Db, caller: Caller, id: int, error: Annotated[str, Query(min_length=1, max_length=2000)]) -> Response:
    """Fail a request."""
    found = _one(db, caller, id, lock=True)
    if found.status not in ("processing", "processed"):
        raise HTTPException(400)
    now = time.time_ns() // 1000
    db.add(Event(account_id=found.account_id, at=now, subject_id=found.id, type="fulfillment_request.failed",
                 from_status=found.status, to_status="processing_error", actor=f"account:{caller.id}", reason=error))  # fmt: skip
    found.status, found.processing_error_reason, found.failure_code = "processing_error", error, "other"
    found.version += 1
    found.modified_at = now
    db.commit()
    return Response(status_code=204, headers={"ETag": f'"{found.version}"'})


@app.get("/fulfillment-requests/{id}")
def get(db: Db, caller: Caller, id: int) -> RequestOut:
    """One request."""
    return _out(_one(db, caller, id))


@app.get("/fulfillment-requests")
def page(db: Db, caller: Caller, filterPageSize: int = 20, filterPageNumber: int = 1) -> list[RequestOut]:
    """A page."""
    query = (
        select(Request).where(Request.account_id == caller.account_id).order_by(Request.id)
        .limit(filterPageSize).offset((filterPageNumber - 1) * filterPageSize)
    )  # fmt: skip
    return [_out(found) for found in db.scalars(query)]
