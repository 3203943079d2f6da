"""Nothing long runs in the event loop (architecture section 4)."""
