"""The tables, once, for both engines. Migrations lie beside this folder; a test proves the two identical."""

from waypost.storage.schema import catalog, core, delivery, shipping, webhooks
from waypost.storage.schema.base import metadata

__all__ = ["catalog", "core", "delivery", "metadata", "shipping", "webhooks"]
