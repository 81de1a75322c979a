"""Uploads of titles: read, embedded and stored one after the other, in the background.

What is known of them is kept in memory, within bounds. An import that ends with the process is
completed by uploading the file again: titles that are stored already change nothing.
"""

from __future__ import annotations

import logging
import threading
import uuid
from collections import OrderedDict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from omega_client import ConstellationClient
from omega_client.errors import ServiceError
from omega_console.api import problems
from omega_console.upstream import ACTOR
from omega_core.clock import Clock
from omega_core.errors import ErrorCode, OmegaError
from omega_rpc.tls import ClientTls

if TYPE_CHECKING:
    from omega_embed import Encoder
    from omega_titles import BadRow, Form

MEDIA_TYPES: Mapping[str, str] = MappingProxyType(
    {
        "text/csv": "A header and a title a line (docs/catalogue.md).",
        "application/jsonl": "One JSON object a line (docs/catalogue.md).",
        "application/x-ndjson": "The same by its other name.",
        "application/xml": "A guide in XMLTV.",
        "text/xml": "The same by its other name.",
    }
)
"""Types of bodies that are taken, and what they are."""
_MOST_WAITING = 4
_MOST_KEPT = 64
_MOST_ROWS = 100
_log = logging.getLogger(__name__)


@dataclass
class Import:
    """One upload, as far as it has come."""

    import_id: str
    """A UUID."""
    actor: str
    """Who uploaded it."""
    size_bytes: int
    """Of the file."""
    created_at: datetime
    """When it was taken."""
    state: str = "waiting"
    """waiting, running, succeeded or failed."""
    finished_at: datetime | None = None
    """When it ended; None = it has not."""
    total: int = 0
    """Rows of the file; 0 until it was read."""
    done: int = 0
    """Titles that are stored."""
    added: int = 0
    """Of them, those that were new."""
    updated: int = 0
    """Those that were known and differ."""
    unchanged: int = 0
    """Those that were known and equal."""
    catalogue_version: int = 0
    """Catalogue that holds them; 0 = none yet."""
    model_version: str = ""
    """Encoder of the vectors."""
    code: str | None = None
    """Row of the error catalogue that ended it; None = none."""
    detail: str = ""
    """The same for a person."""
    bad_rows: int = 0
    """Rows that are no title; with any, nothing of the file is stored."""
    errors: list[BadRow] = field(default_factory=list)
    """The first of them, at most 100."""


@dataclass(frozen=True)
class _Waiting:
    job: Import
    path: Path
    media_type: str


class Imports:
    """Takes uploads and works them off on one thread.

    Args:
        target: address of the constellation that stores titles.
        tls: how to trust it; None = no TLS.
        encoder: embeds them; None = there are no uploads. Needs the extra `embed`.
        clock: stamps imports.
    """

    def __init__(
        self, target: str, tls: ClientTls | None, encoder: Encoder | None, clock: Clock
    ) -> None:
        self._target = target
        self._tls = tls
        self._encoder = encoder
        self._clock = clock
        self._changed = threading.Condition()
        self._kept: OrderedDict[str, Import] = OrderedDict()
        self._waiting: deque[_Waiting] = deque()
        self._stopping = False
        self._thread = threading.Thread(target=self._work, name="imports", daemon=True)

    @property
    def model_version(self) -> str:
        """Encoder of the vectors; empty = there are no uploads."""
        return self._encoder.model_version if self._encoder else ""

    def start(self) -> None:
        """Begins to work."""
        self._thread.start()

    def stop(self) -> None:
        """Ends after the batch under way. May be called twice."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        if self._thread.ident is not None:
            self._thread.join()
        for waiting in self._waiting:
            waiting.path.unlink(missing_ok=True)
        self._waiting.clear()

    def check(self) -> None:
        """Holds back an upload that would find no room.

        Raises:
            OmegaError: MODEL_UNAVAILABLE, OVERLOADED.
        """
        if self._encoder is None:
            raise OmegaError(
                ErrorCode.MODEL_UNAVAILABLE, bound="not opened here (OMEGA_CONSOLE_ENCODER)"
            )
        with self._changed:
            if len(self._waiting) >= _MOST_WAITING or self._stopping:
                raise OmegaError(ErrorCode.OVERLOADED, retry_after=10)

    def submit(self, path: Path, media_type: str, actor: str) -> Import:
        """Takes a file, which is removed when it was worked off.

        Raises:
            OmegaError: as check; the file is removed.
        """
        try:
            self.check()
        except OmegaError:
            path.unlink(missing_ok=True)
            raise
        job = Import(str(uuid.uuid4()), actor, path.stat().st_size, self._clock.now())
        with self._changed:
            self._kept[job.import_id] = job
            while len(self._kept) > _MOST_KEPT:
                self._kept.popitem(last=False)
            self._waiting.append(_Waiting(job, path, media_type))
            self._changed.notify_all()
        return job

    def get(self, import_id: str) -> Import | None:
        """One that is still known."""
        with self._changed:
            return self._kept.get(import_id)

    def all(self) -> list[Import]:
        """Those that are still known, the newest first."""
        with self._changed:
            return list(reversed(self._kept.values()))

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._stopping)
                if self._stopping:
                    return
                taken = self._waiting.popleft()
            try:
                self._run(taken)
            finally:
                taken.path.unlink(missing_ok=True)

    def _run(self, taken: _Waiting) -> None:
        job = taken.job
        job.state = "running"
        state = "failed"
        try:
            self._import(job, taken)
            state = "succeeded"
        except ServiceError as error:
            _blame(job, problems.of_service(error))
        except OmegaError as error:
            _blame(job, error)
        except Exception:  # noqa: BLE001 - a defect must not end the imports after it
            _log.exception("import %s failed", job.import_id)
            _blame(job, OmegaError(ErrorCode.INTERNAL))
        job.finished_at = self._clock.now()
        # Last: whoever sees that it has ended sees the rest, too.
        job.state = state

    def _import(self, job: Import, taken: _Waiting) -> None:
        from omega_titles import read_titles_file  # noqa: PLC0415 - an extra
        from omega_titles.importing import import_contents  # noqa: PLC0415 - an extra

        found = read_titles_file(taken.path, _form(taken.media_type))
        job.total, job.bad_rows = len(found.contents) + found.bad_rows, found.bad_rows
        job.errors = list(found.bad[:_MOST_ROWS])
        if found.bad:
            first = found.bad[0]
            raise OmegaError(ErrorCode.INVALID_FIELD, field=_place(first), bound=first.bound)
        if self._encoder is None:
            raise OmegaError(ErrorCode.MODEL_UNAVAILABLE, bound="gone")
        job.model_version = self._encoder.model_version

        def advance(titles: int) -> None:
            job.done += titles
            if self._stopping and job.done < job.total:
                raise OmegaError(ErrorCode.UPSTREAM_UNAVAILABLE, detail="the console stops")

        with _InName(self._target, self._tls, job.actor) as client:
            report = import_contents(client, self._encoder, found.contents, advance)
        job.added, job.updated, job.unchanged = report.added, report.updated, report.unchanged
        job.catalogue_version = report.catalogue_version


class _InName(ConstellationClient):
    """A client whose calls say in whose name they are made."""

    def __init__(self, target: str, tls: ClientTls | None, actor: str) -> None:
        super().__init__(target, tls=tls)
        self._actor = actor

    def _call(self, method: Any, request: Any, timeout: float, metadata: Any = ()) -> Any:
        return super()._call(method, request, timeout, (*metadata, (ACTOR, self._actor)))


def _form(media_type: str) -> Form:
    from omega_titles import Form  # noqa: PLC0415 - an extra

    if media_type == "text/csv":
        return Form.CSV
    return Form.XMLTV if media_type.endswith("xml") else Form.JSONL


def _place(row: BadRow) -> str:
    return f"line {row.line}" + (f", {row.field}," if row.field else "")


def _blame(job: Import, error: OmegaError) -> None:
    job.code, job.detail = error.code.value, error.public_text
