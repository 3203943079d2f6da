"""How long the server waits for its clients, and how much it keeps for them."""

from typing import NamedTuple

# Bytes of a head, or of all trailers. The application's own limits of URL and headers are lower, and say more.
HEAD_AT_MOST = 96 * 1024
BODY_AHEAD = 64 * 1024  # bytes of a body that are read before the application asks for them
HEADERS_AT_MOST = 200  # and trailers: each costs more memory than its bytes
# What a header, and a request that waits for the one before, count among what is held, beside their bytes: they take
# less than a third of that, but in small pieces, which leave holes in the memory when they are gone.
HEADER_WEIGHT, WAITING_WEIGHT = 500, 4 * 1024
HEADS_AT_MOST = 384 * 1024  # of one connection, so counted
LIGHT = 8 * 1024  # bytes held for one client that are not counted
SENT_AHEAD = 64 * 1024  # bytes of an answer that the kernel takes: the server does not see how far those are read
PIPELINED_AT_MOST = 32  # requests of one connection that wait for the one before them
RATE = 64 * 1024  # bytes that buy a slow client a second more
LINGER_S = 2.0  # how long what a refused client still sends is read, so that it can read the refusal


class Limits(NamedTuple):
    """`client_s`: how long a client may take to send a head, or to read an answer; `idle_s`: until it asks again."""

    client_s: float = 30.0
    idle_s: float = 30.0
    connections: int = 4096
    per_address: int = 512
    held_bytes: int = 64 * 1024 * 1024  # of answers that are not read, and of heads, of all connections
    spare: int = 32  # more connections, on which only `spare_paths` are answered
    backlog: int = 2048  # connections that come in one go
