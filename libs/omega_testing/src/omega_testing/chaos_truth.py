"""Holds a brain that has just started to what it acknowledged in its lives before."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from pathlib import Path

from omega.brain.v1 import brain_service_pb2 as pb
from omega_client import BrainClient
from omega_core.content import Content
from omega_delta import content_to_proto
from omega_testing.chaos_ledger import Ledger
from omega_testing.chaos_traffic import Tally, event

_STATED = re.compile(r"up to ([\d,]+) viewing events")
_UNKNOWN = "is not known"
_SAMPLE = 300
"""Events of the backup that are looked for by id at most starts."""


class Truth:
    """What must be there, and whether it is.

    Args:
        ledger: what was acknowledged.
        titles: of the catalogue.
        tally: is told what is missing.
        rng: draws samples.
        log: file that every life of the brain logs to.
    """

    def __init__(
        self,
        ledger: Ledger,
        titles: Sequence[Content],
        tally: Tally,
        rng: random.Random,
        log: Path,
    ) -> None:
        self._ledger = ledger
        self._titles = titles
        self._tally = tally
        self._rng = rng
        self._log = log
        self._rewound = False
        self._log_at = 0
        self._since: list[str] = []

    def rewinding(self) -> None:
        """The database is about to be damaged: what came after the last backup may be gone."""
        if not self._rewound:
            self._log_at = self._log.stat().st_size if self._log.exists() else 0
        self._rewound = True

    def happened(self, what: str) -> None:
        """Something that explains what will be found."""
        self._since.append(what)

    def hold(self, address: str, life: int, *, everything: bool) -> None:
        """Holds what the brain has now to what it acknowledged."""
        due, rewound = self._ledger.due(), self._rewound
        self._rewound = False
        with BrainClient(address, timeout=60) as client:
            stats = client.get_stats()
            kept = len(due.safe) + (0 if rewound else len(due.later))
            most = len(due.safe) + len(due.later) + len(due.unsure) + len(due.doomed)
            if not kept <= stats.events <= most:
                self._tally.fail(f"life {life}: {stats.events} events of {kept} to {most}")
            if stats.contents < len(self._titles):
                self._refill(client, stats, life, emptied=rewound and not due.safe)
            safe, later = sorted(due.safe), sorted(due.later)
            if not (everything or rewound):
                safe = self._rng.sample(safe, min(len(safe), _SAMPLE))
            if lost := self._again(client, safe):
                self._tally.fail(f"life {life}: {lost} events of the backup are missing")
            missing = self._again(client, later)
            self._tally.add("acknowledged events looked for by id", len(safe) + len(later))
            if missing and not rewound:
                self._tally.fail(f"life {life}: {missing} events are missing")
            elif missing:
                self._tally.add("events gone with damage, after the backup", missing)
                self._require_stated(stats.recovery_notes, missing)
            if rewound and stats.recovery_notes:
                self._tally.add("repairs stated")
            gone = self._again(client, sorted(due.doomed))
            if gone not in {0, len(due.doomed)} and not rewound:
                self._tally.fail(f"half an erasure: {gone} of {len(due.doomed)} are gone")
            self._again(client, sorted(due.unsure))
        self._ledger.settled()
        self._since.clear()

    def _refill(
        self, client: BrainClient, stats: pb.GetStatsResponse, life: int, *, emptied: bool
    ) -> None:
        """Without any backup, and only then, it may start empty, and says so."""
        if emptied and "starts empty" in self._told(stats.recovery_notes):
            self._tally.add("damaged before an erasure had its backup: starts empty, stated")
        else:
            self._tally.fail(
                f"life {life}: {stats.contents} titles after {self._since}: {stats.recovery_notes}"
            )
        contents = [content_to_proto(title) for title in self._titles]
        client.upsert_contents(pb.UpsertContentsRequest(contents=contents))

    def _told(self, notes: Sequence[str]) -> str:
        """What the brain has said since the damage."""
        # A start that was killed after its repair has said so in its log.
        log = self._log.read_bytes()[self._log_at :].decode("utf-8") if self._log.exists() else ""
        return " ".join([*notes, log])

    def _require_stated(self, notes: Sequence[str], missing: int) -> None:
        told = self._told(notes)
        numbers = [int(found.replace(",", "")) for found in _STATED.findall(told)]
        if not (_UNKNOWN in told or sum(numbers) >= missing):
            self._tally.fail(
                f"{missing} events are gone after {self._since} and this was said: {told[-2000:]}"
            )

    def _again(self, client: BrainClient, ids: Sequence[str]) -> int:
        """Tells events once more; how many were not there."""
        if not ids:
            return 0
        answer = client.observe_events(event(each, self._titles) for each in ids)
        if answer.refused:
            self._tally.fail(f"{answer.refused} repeated events were refused")
        return int(answer.recorded)
