"""What the use cases need from the world: a store, a clock, randomness. Implemented in `storage` and `main`."""

from waypost.app.ports.batch import (
    Ask,
    Cause,
    Changes,
    Clocked,
    KeptOutcome,
    Loaded,
    NewRequest,
    OrderParts,
    PlainMove,
    PlainMoved,
    PlainMoves,
    StockChange,
    no_changes,
)
from waypost.app.ports.core import (
    AccountRow,
    ChannelRow,
    Reads,
    RequestQuery,
    SourceRow,
    TokenRow,
    Tx,
)
from waypost.app.ports.orders import OrderQuery, OrderView, PostedOrder
from waypost.app.ports.store import Clock, Durability, Store, Work

__all__ = [
    "AccountRow",
    "Ask",
    "Cause",
    "Changes",
    "ChannelRow",
    "Clock",
    "Clocked",
    "Durability",
    "KeptOutcome",
    "Loaded",
    "NewRequest",
    "OrderParts",
    "OrderQuery",
    "OrderView",
    "PlainMove",
    "PlainMoved",
    "PlainMoves",
    "PostedOrder",
    "Reads",
    "RequestQuery",
    "SourceRow",
    "StockChange",
    "Store",
    "TokenRow",
    "Tx",
    "Work",
    "no_changes",
]
