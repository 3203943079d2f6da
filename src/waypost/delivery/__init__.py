"""Handing requests over to their sources: the worker, and the kinds of source it knows."""
