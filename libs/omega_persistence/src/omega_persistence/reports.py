"""What this TV says of a day where the fleet asks how a version fares: drawn once, then kept."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from omega_core.viewing import SUCCESS_ABOVE, Verdict
from omega_persistence import keys
from omega_persistence.database import Database
from omega_persistence.meta import Meta
from omega_persistence.times import to_micros

_SHOWN = "SELECT EXISTS (SELECT 1 FROM recommendations WHERE served_at >= ? AND served_at < ?)"
_WATCHED = """
SELECT EXISTS (SELECT 1 FROM events
WHERE occurred_at >= ? AND occurred_at < ? AND recommendation_id <> ''
AND watch_percentage > ? AND verdict <> ?)
"""


@dataclass(frozen=True)
class Draft:
    """A report as it leaves, each time that it is sent."""

    period: int
    """The day, in days since 1970-01-01 UTC."""
    held: tuple[tuple[int, int], ...]
    """Kind and version of what ranked all day."""
    watched: bool
    """The randomised bit."""
    epsilon_hundredths: int
    """Of the randomisation."""
    acknowledged: bool = False
    """Whether the fleet has it."""


@dataclass(frozen=True)
class Fared:
    """What became of a day's recommendations."""

    shown: bool
    """Whether a list was served, or a viewing came of one."""
    watched: bool
    """Whether a viewing succeeded that came of a list."""


class Reports:
    """Reports in the table meta; they go when the household is erased.

    Every method may raise STORAGE_UNAVAILABLE, one that writes STORAGE_FULL.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._meta = Meta(database)

    def key(self, draw: Callable[[], bytes]) -> bytes:
        """The key of the chance: drawn at the first need, durable before it is returned."""
        with self._database.transaction():
            known = self._meta.get(keys.REPORT_KEY)
            if known is not None:
                return bytes.fromhex(known)
            drawn = draw()
            self._meta.set(keys.REPORT_KEY, drawn.hex())
        return drawn

    def last(self) -> Draft | None:
        """The last report that was drawn; None = there was none."""
        told = self._meta.get(keys.REPORT)
        if told is None:
            return None
        found = json.loads(told)
        held = tuple((kind, version) for kind, version in found.pop("held"))
        return Draft(held=held, **found)

    def keep(self, draft: Draft) -> None:
        """Keeps a report in place of the last, before it is sent for the first time."""
        self._meta.set(keys.REPORT, json.dumps(draft.__dict__))

    def acknowledge(self, period: int) -> None:
        """The fleet has the report of a day."""
        with self._database.transaction():
            draft = self.last()
            if draft is not None and draft.period == period:
                self.keep(replace(draft, acknowledged=True))

    def forget(self) -> bool:
        """Forgets key and report; whether there was a report."""
        with self._database.transaction():
            drawn = self._meta.get(keys.REPORT) is not None
            self._meta.remove(keys.REPORT_KEY)
            self._meta.remove(keys.REPORT)
        return drawn

    def fared(self, begin: datetime, end: datetime) -> Fared:
        """What became of the recommendations from `begin` to before `end`, both aware."""
        day = (to_micros(begin), to_micros(end))
        with self._database.read() as connection:
            shown = connection.execute(_SHOWN, day).fetchone()[0]
            watched = connection.execute(
                _WATCHED, (*day, SUCCESS_ABOVE, int(Verdict.DISLIKED))
            ).fetchone()[0]
        return Fared(bool(shown or watched), bool(watched))
