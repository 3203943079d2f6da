"""An HTTP/1.1 server for ASGI applications, which expects its clients to be clumsy or hostile (ADR 23).

It knows nothing of the hub. `httptools` parses; what a client gets, how long the server waits for it, and how much it
keeps for it is decided here.
"""
