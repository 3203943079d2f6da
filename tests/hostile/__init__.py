"""Bytes that no honest client sends, on real sockets."""
