"""State deltas in pages, each small enough for one answer, and put together again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from omega.sync.v1 import sync_service_pb2
from omega_core import limits
from omega_core.errors import invalid
from omega_delta import packing
from omega_delta.state import StateDelta, check_state_delta, state_message

PAGE_BYTES = 4_096
"""Largest page. Fixed, so that a step falls into the same pages at every gateway and at any time;
an answer of 5,120 bytes then still has room for eight resources."""

_FRAME_BYTES = 32  # what zstd adds at most to so little that does not compress


def state_pages(delta: StateDelta, codec: int) -> tuple[bytes, ...]:
    """A delta as zstd frames of omega.sync.v1.StateDelta of at most PAGE_BYTES, 1 to 128 of them.

    Each page is a delta of the same step; the first alone has what is gone and the trends. Equal
    deltas give equal pages.

    Args:
        delta: with at most 512 removed ids.
        codec: components.F16 (5 patterns a page) or U8 (9).

    Raises:
        OmegaError: INVALID_FIELD that names the field when the delta breaks a bound.
    """
    page = state_message(delta, codec)
    patterns = list(page.patterns)
    del page.patterns[:]
    pages = [page]
    for pattern in patterns:
        page.patterns.append(pattern)
        if page.ByteSize() > PAGE_BYTES - _FRAME_BYTES:
            del page.patterns[-1]
            page = sync_service_pb2.StateDelta(
                base_version=delta.base_version,
                version=delta.version,
                model_version=delta.model_version,
                patterns=[pattern],
            )
            pages.append(page)
    return tuple(packing.pack("delta", each, PAGE_BYTES, limits.MAX_DELTA_RAW) for each in pages)


def join_state_deltas(pages: Sequence[StateDelta]) -> StateDelta:
    """The one delta whose decoded pages these are, in their order, at least one.

    Raises:
        OmegaError: INVALID_FIELD when the pages are not of one step, or repeat or contradict each
            other.
    """
    head = pages[0]
    step = (head.base_version, head.version, head.model_version)
    if any((p.base_version, p.version, p.model_version) != step for p in pages):
        raise invalid("pages", "of one step")
    if any(p.removed_pattern_ids or p.trends for p in pages[1:]):
        raise invalid("pages", "without removed patterns and trends after the first")
    return check_state_delta(
        replace(head, patterns=tuple(pattern for page in pages for pattern in page.patterns))
    )
