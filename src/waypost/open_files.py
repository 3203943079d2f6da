"""The limit of open files of this process, of which each connection takes one."""

import resource

from waypost.server.limits import Limits

OTHERS = 256  # files: the database, calls to the outside, logs
FEWEST_CONNECTIONS = 64


def within_open_files(limits: Limits) -> Limits:
    """`limits`, with as many connections as the operating system allows (`ulimit -n`, raised as far as it may be)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    others = limits.spare + OTHERS
    needed = limits.connections + others + limits.backlog
    unlimited = resource.RLIM_INFINITY
    if soft == unlimited:
        return limits
    if soft < needed:
        soft = needed if hard == unlimited else min(hard, needed)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    connections = min(limits.connections, max(FEWEST_CONNECTIONS, soft - others))
    # Connections that come in one go take files before any of them can be closed.
    backlog = max(OTHERS // 2, min(limits.backlog, soft - others - connections))
    return limits._replace(connections=connections, backlog=backlog)
