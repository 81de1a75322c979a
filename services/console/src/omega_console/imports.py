"""Uploads of titles: read, embedded and stored one after the other, in the background.

What is known of them is kept in memory, within bounds. An import that ends with the process is
completed by uploading the file again: titles that are stored already change nothing.
"""

from __future__ import annotations

import logging
import threading
import uuid
from collections import OrderedDict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from omega.constellation.v1 import constellation_service_pb2 as pb
from omega_client.errors import ServiceError
from omega_console.api import problems
from omega_console.titles import LineError, read_titles
from omega_console.upstream import Upstream
from omega_core.clock import Clock
from omega_core.content import Content, embedding_text
from omega_core.errors import ErrorCode, OmegaError
from omega_core.vectors import pack_f16
from omega_delta import content_to_proto

if TYPE_CHECKING:
    from omega_embed import Encoder

_BATCH = 250
_MOST_WAITING = 4
_MOST_KEPT = 64
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
    """Titles of the file; 0 until it was read."""
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
    errors: list[LineError] = field(default_factory=list)
    """Lines that are at fault, at most 100; with any, nothing of the file is stored."""


@dataclass(frozen=True)
class _Waiting:
    job: Import
    path: Path
    media_type: str


class Imports:
    """Takes uploads and works them off on one thread.

    Args:
        upstream: stores titles.
        encoder: embeds them; None = there are no uploads.
        clock: stamps imports.
    """

    def __init__(self, upstream: Upstream, encoder: Encoder | None, clock: Clock) -> None:
        self._upstream = upstream
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
                taken.job.finished_at = self._clock.now()

    def _run(self, taken: _Waiting) -> None:
        job = taken.job
        job.state = "running"
        try:
            titles = read_titles(taken.path, taken.media_type, job.errors)
            job.total = len(titles) + len(job.errors)
            if job.errors:
                raise OmegaError(
                    ErrorCode.INVALID_FIELD, field=job.errors[0].field, bound=job.errors[0].bound
                )
            self._store(job, titles)
            job.state = "succeeded"
        except ServiceError as error:
            _fail(job, problems.of_service(error))
        except OmegaError as error:
            _fail(job, error)
        except Exception:
            _log.exception("import %s failed", job.import_id)
            _fail(job, OmegaError(ErrorCode.INTERNAL))

    def _store(self, job: Import, titles: Sequence[Content]) -> None:
        encoder = self._encoder
        if encoder is None:
            raise OmegaError(ErrorCode.MODEL_UNAVAILABLE, bound="gone")
        job.model_version = encoder.model_version
        for begin in range(0, len(titles), _BATCH):
            if self._stopping:
                raise OmegaError(ErrorCode.UPSTREAM_UNAVAILABLE, detail="the console stops")
            batch = titles[begin : begin + _BATCH]
            vectors = encoder.encode([embedding_text(title) for title in batch])
            stored = self._upstream.upsert(
                pb.UpsertContentsRequest(
                    contents=[
                        pb.EmbeddedContent(content=content_to_proto(c), embedding=pack_f16(v))
                        for c, v in zip(batch, vectors, strict=True)
                    ],
                    model_version=encoder.model_version,
                    publish=begin + _BATCH >= len(titles),
                ),
                job.actor,
            )
            job.added += stored.added
            job.updated += stored.updated
            job.unchanged += stored.unchanged
            job.catalogue_version = stored.catalogue_version
            job.done += len(batch)


def _fail(job: Import, error: OmegaError) -> None:
    job.state, job.code, job.detail = "failed", error.code.value, error.public_text
