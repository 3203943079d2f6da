"""Waypost: a self-hosted fulfillment hub. The road of a call is described in docs/architecture.md."""

__version__ = "0.1.0"
