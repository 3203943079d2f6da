"""A client of Waypost, and of the API that it is compatible with: blocking and asynchronous, over one core."""

from waypost_client import models, webhooks
from waypost_client.async_client import AsyncClient
from waypost_client.errors import (
    ApiError,
    Conflict,
    InvalidInput,
    NoReply,
    NotAllowed,
    NotFound,
    RateLimited,
    Stale,
    Unauthorized,
    Unavailable,
    WaypostError,
)
from waypost_client.sync_client import Client

__version__ = "0.1.0"

__all__ = [
    "ApiError",
    "AsyncClient",
    "Client",
    "Conflict",
    "InvalidInput",
    "NoReply",
    "NotAllowed",
    "NotFound",
    "RateLimited",
    "Stale",
    "Unauthorized",
    "Unavailable",
    "WaypostError",
    "models",
    "webhooks",
]
