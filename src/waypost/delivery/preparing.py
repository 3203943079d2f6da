"""From a claim to what is sent: the request is read, told as a document, and written for its source.

Each request by itself: one that cannot be read or written is refused, and no other waits for it.
"""

import logging
from collections.abc import Sequence

from waypost.app.ports import Reads
from waypost.app.ports.delivery import Claimed, Papers
from waypost.app.ports.kinds import CannotWrite, why_unwritten
from waypost.delivery.lanes import Job, Lane
from waypost.domain.refusals import Unavailable
from waypost.wire.handover import document

_log = logging.getLogger("waypost.delivery")


async def papers_of(reads: Reads, request_ids: Sequence[int]) -> dict[int, Papers | CannotWrite]:
    """These requests with their orders, by id, or why one cannot be read. Raises `Unavailable`."""
    if not request_ids:
        return {}
    try:
        return {one.image.state.id: one for one in await reads.papers(request_ids)}
    except Unavailable:
        raise
    except Exception as error:
        if len(request_ids) == 1:
            _log.exception("request %d cannot be read", request_ids[0])
            return {request_ids[0]: CannotWrite(why_unwritten(error), "other")}
    found: dict[int, Papers | CannotWrite] = {}
    for id_ in request_ids:
        found |= await papers_of(reads, [id_])
    return found


def written(lane: Lane, attempt: Claimed, papers: Papers | CannotWrite, claimed_s: float) -> Job:
    """The request, ready to leave; raises `CannotWrite`, whatever keeps it from being written."""
    if isinstance(papers, CannotWrite):
        raise papers
    try:
        told = document(papers, attempt)
        letter = lane.recipient.write(told)
    except CannotWrite:
        raise
    except Exception as error:
        _log.exception("request %d cannot be written", attempt.request_id)
        raise CannotWrite(why_unwritten(error), "other") from error
    return Job(attempt, lane.recipient, told, letter, papers.image.state.version, lane.row.version, claimed_s)
