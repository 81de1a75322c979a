"""News that take more than one answer, collected before any of them is taken up."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from omega.sync.v1 import sync_service_pb2 as pb
from omega_brain.fleet import Fleet
from omega_core import limits, validate

_log = logging.getLogger(__name__)
_TRIES = 3
"""Times that pages are collected from the first on, where the fleet publishes meanwhile."""


@dataclass(frozen=True)
class Collected:
    """All pages of one step."""

    answer: pb.SyncResponse
    """That of the exchange, with the first page."""
    rest: tuple[bytes, ...]
    """The pages after it."""
    pushed_bytes: int
    """Serialised requests for them."""
    pulled_bytes: int
    """Serialised answers that brought them."""


def collect(fleet: Fleet, request: pb.SyncRequest, answer: pb.SyncResponse) -> Collected:
    """The pages that belong to an answer.

    Where the fleet moves on meanwhile it says so with the first page of what is newest, and they
    are collected anew; if it does so again and again, without any news, the next exchange tries.

    Raises:
        ServiceError: the fleet refuses or is not reached; nothing was taken up.
        OmegaError: INVALID_FIELD pages.
    """
    head = pb.SyncResponse()
    head.CopyFrom(answer)
    pushed = pulled = 0
    for _ in range(_TRIES):
        validate.integer("pages", head.pages, 0, limits.MAX_PAGES)
        rest: list[bytes] = []
        while len(rest) + 1 < head.pages:
            asked = pb.PullPatternsRequest(
                state_version=request.state_version,
                codec=request.codec,
                codebook_id=request.codebook_id,
                page=len(rest) + 1,
                wanted_version=head.state_version,
            )
            page = fleet.pull(asked)
            pushed, pulled = pushed + asked.ByteSize(), pulled + page.ByteSize()
            if (page.state_version, page.page) != (head.state_version, asked.page):
                head.state_version, head.delta = page.state_version, page.delta
                head.compression, head.codec = page.compression, page.codec
                head.pages = page.pages
                break
            rest.append(page.delta)
        else:
            return Collected(head, tuple(rest), pushed, pulled)
    _log.warning("the news changed while they were collected; the next exchange tries again")
    head.ClearField("delta")
    return Collected(head, (), pushed, pulled)
