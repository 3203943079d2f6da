"""The server by itself: toy applications on real sockets, in this process."""
