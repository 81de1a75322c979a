"""What earlier pages of a list showed, also while the database does not answer."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta

from omega_brain.answers import Answer
from omega_core.errors import ErrorCode, OmegaError
from omega_persistence.recommendations import Recommendations, ServedList
from omega_runtime import GuardedPart
from omega_runtime.workers import Workers

_log = logging.getLogger(__name__)
_KEPT = 64
"""Latest lists that are known without the database."""
_READS = 2
"""Lists that are looked for in the database at once."""


@dataclass(frozen=True)
class Before:
    """The pages up to the one that a cursor names."""

    shown: tuple[str, ...] = ()
    """Content ids on them."""
    known: bool = True
    """False: the database does not answer, and a title may come again."""


class Pages:
    """Remembers served lists. Safe for threads.

    Args:
        recommendations: where they are kept.
        part: guards the database.
    """

    def __init__(self, recommendations: Recommendations, part: GuardedPart) -> None:
        self._recommendations = recommendations
        self._part = part
        self._workers = Workers(_READS)
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, tuple[str, ...]] = OrderedDict()

    def before(self, cursor: str, patience: timedelta) -> Before:
        """What was shown up to a page.

        Args:
            cursor: recommendation_id of the page; empty = none.
            patience: how long to wait for the database.

        Raises:
            OmegaError: UNKNOWN_RECOMMENDATION (field cursor).
        """
        if not cursor:
            return Before()
        with self._lock:
            shown = self._kept.get(cursor)
        if shown is not None:
            return Before(shown)
        job = self._workers.start(
            lambda: self._part.call(lambda: self._recommendations.get(cursor))
        )
        if job is None or not job.wait(patience) or job.error is not None:
            _log.warning("a page begins anew: its database does not answer")
            return Before(known=False)
        if job.result is None:
            raise OmegaError(ErrorCode.UNKNOWN_RECOMMENDATION, field="cursor")
        return Before(_whole(job.result))

    def note(self, answer: Answer, before: Before, profile_id: str, now: datetime) -> None:
        """Remembers a list that is about to be served; never waits for the disk."""
        served = ServedList(
            answer.recommendation_id, now, tuple(answer.content_ids), before.shown, profile_id
        )
        with self._lock:
            self._kept[served.recommendation_id] = _whole(served)
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        self._recommendations.log_recommendation(
            served.recommendation_id,
            now,
            served.content_ids,
            chain=served.chain,
            profile_id=profile_id,
        )

    def forget(self) -> None:
        """Drops what is held in memory."""
        with self._lock:
            self._kept.clear()

    def close(self) -> None:
        """Lets the threads end."""
        self._workers.close()


def _whole(served: ServedList) -> tuple[str, ...]:
    return (*served.chain, *served.content_ids)
