"""One exchange with the fleet: push what is due, pull the news, fetch new resources."""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from omega.sync.v1 import sync_service_pb2 as pb
from omega_brain import sync_metering
from omega_brain.deltas import Collective, Holding
from omega_brain.downloads import Downloads
from omega_brain.fleet import Fleet
from omega_brain.outbox import Outbox
from omega_brain.pages_of_news import collect
from omega_brain.reporting import Reporting
from omega_brain.schedule import LONGEST, Schedule
from omega_client import ServiceError
from omega_core import limits, spans
from omega_core.errors import ErrorCode, OmegaError
from omega_persistence.sketches import Push
from omega_runtime import CircuitOpen, Part

if TYPE_CHECKING:
    from omega_brain.brain import Brain

_log = logging.getLogger(__name__)
T = TypeVar("T")


@dataclass(frozen=True)
class SyncOutcome:
    """What one exchange moved."""

    pushed_sketches: int
    """Acknowledged in this exchange."""
    pulled_patterns: int
    """New, changed and removed ones."""
    pushed_bytes: int
    """Serialised request."""
    pulled_bytes: int
    """Serialised response."""
    resource_bytes: int
    """Bodies fetched."""
    retry_after_seconds: float
    """When the server wants to see this TV again, at most a day; 0 = it did not say."""


@dataclass(frozen=True)
class Exchanged:
    """An exchange that went well."""

    outcome: SyncOutcome
    """What it moved."""
    seconds: float
    """How long it took."""


class Syncer:
    """Talks to the sync service for one brain; one exchange at a time.

    Raises:
        OmegaError: INVALID_FIELD constellation_tls_ca or enrolment_key_file when it cannot be read.
    """

    def __init__(self, brain: Brain) -> None:
        self._brain = brain
        self._stores = brain.stores
        self._outbox = Outbox(brain)
        self._downloads = Downloads(brain)
        self._reporting = Reporting(brain)
        self._collective = Collective(brain.stores)
        self._part = brain.runtime.part(Part.SYNC)
        self.schedule = Schedule(
            brain.config.sync_interval_secs, brain.clock, brain.stores.sync.not_before()
        )
        """When the next exchange is due."""
        self.last: Exchanged | None = None
        """The last exchange that went well; None = none since the start."""
        self._lock = threading.Lock()
        self._closed = False
        config = brain.config
        self._fleet = Fleet(config, brain.stores, brain.clock) if config.constellation_url else None

    @property
    def next_at(self) -> datetime | None:
        """When the next exchange is due; None = none is planned."""
        return self.schedule.next_at if self._fleet else None

    @property
    def transport(self) -> str:
        """How the fleet was reached last; empty = not yet."""
        return self._fleet.transport if self._fleet else ""

    def sync(self) -> SyncOutcome:
        """One exchange. What fails is tried again next time; nothing is lost.

        Raises:
            OmegaError: SYNC_NOT_CONFIGURED; SYNC_NOT_ALLOWED (the household does not consent);
                SYNC_UNAVAILABLE (no answer, the server refused, or too many exchanges failed just
                now);
                CORRUPT_RESOURCE (news that cannot be read); STORAGE_FULL; STORAGE_UNAVAILABLE;
                INTERNAL.
        """
        fleet = self._fleet
        if fleet is None:
            raise OmegaError(ErrorCode.SYNC_NOT_CONFIGURED)
        with self._lock:
            begun = time.perf_counter()
            try:
                with spans.span("exchange"), self._part.use():
                    outcome = self._turn(fleet)
                self._succeeded(outcome)
            except Exception as failure:
                error = _as_omega_error(failure)
                sync_metering.exchanged(time.perf_counter() - begun, error.code, self.transport)
                if not self._closed:
                    self._failed(error, _asked(failure))
                if error is failure:
                    raise
                raise error from failure
            seconds = time.perf_counter() - begun
            self.last = Exchanged(outcome, seconds)
            sync_metering.exchanged(seconds, sync_metering.SUCCEEDED, self.transport)
            sync_metering.moved(outcome.pushed_bytes, outcome.pulled_bytes, outcome.resource_bytes)
            return outcome

    def sync_on_schedule(self) -> None:
        """One exchange where there is somebody to ask and leave to do so. As sync()."""
        if self._brain.switches.may_ask or self._stores.erasures.pending():
            self.sync()
        else:
            self.schedule.put_off()

    def reporting_keys(self) -> pb.GetReportingKeysResponse:
        """The fleet's keys of reports of pairs.

        Raises:
            ServiceError: the fleet refuses or is not reached.
            OmegaError: SYNC_NOT_CONFIGURED, SYNC_NOT_ALLOWED, STORAGE_FULL, STORAGE_UNAVAILABLE.
        """
        return self._ask(lambda fleet: fleet.reporting_keys())

    def issue_tokens(self, request: pb.IssueTokensRequest) -> pb.IssueTokensResponse:
        """Tokens of reports of pairs. As reporting_keys()."""
        return self._ask(lambda fleet: fleet.issue_tokens(request))

    @contextmanager
    def paused(self) -> Iterator[None]:
        """A block between two exchanges, after which nothing is known of queued sketches."""
        with self._lock:
            try:
                yield
            finally:
                self._outbox.forget()

    def close(self) -> None:
        """Ends an exchange under way and closes the channel."""
        self._closed = True
        if self._fleet:
            self._fleet.close()

    def _ask(self, use: Callable[[Fleet], T]) -> T:
        """Calls between two exchanges."""
        if self._fleet is None:
            raise OmegaError(ErrorCode.SYNC_NOT_CONFIGURED)
        with self._lock:
            self._begin(self._fleet)
            return use(self._fleet)

    def _begin(self, fleet: Fleet) -> None:
        fleet.erase_old()
        if not self._brain.switches.may_ask:
            raise OmegaError(ErrorCode.SYNC_NOT_ALLOWED)
        fleet.begin()

    def _turn(self, fleet: Fleet) -> SyncOutcome:
        self._begin(fleet)
        return self._exchange(fleet)

    def _exchange(self, fleet: Fleet) -> SyncOutcome:
        push, holding = self._outbox.next_push(), self._collective.holding()
        request = self._request(push, holding)
        answer = fleet.exchange(request)
        sent, came = request.ByteSize(), answer.ByteSize()
        self._stores.meta.add_traffic(pushed=sent, pulled=came)
        pushed = self._stores.sketches.acknowledge(push.request_id) if push else 0
        report = request.report if request.HasField("report") else None
        self._reporting.answered(report, wanted=answer.report_wanted)
        try:
            news = collect(fleet, request, answer)
            self._stores.meta.add_traffic(pushed=news.pushed_bytes, pulled=news.pulled_bytes)
            pulled = self._collective.take(holding, news.answer, news.rest)
            fetched = self._downloads.take(fleet, answer.resources, answer.recalled)
        finally:
            # Also what came before something that failed.
            self._brain.refresh()
        return SyncOutcome(
            pushed_sketches=pushed,
            pulled_patterns=pulled,
            pushed_bytes=sent + news.pushed_bytes,
            pulled_bytes=came + news.pulled_bytes,
            resource_bytes=fetched,
            retry_after_seconds=_retry_after(answer),
        )

    def _request(self, push: Push | None, holding: Holding) -> pb.SyncRequest:
        request = pb.SyncRequest(
            request_id=push.request_id if push else str(uuid.uuid4()),
            model_version=push.model_version if push else self._brain.model_version,
            sketches=push.sketches if push else b"",
            classes=push.classes if push else b"",
            state_version=holding.version,
            held=self._downloads.held(),
            sigma_hundredths=push.sigma_hundredths if push else 0,
            codec=holding.codec,
            codebook_id=holding.codebook_id,
        )
        report = self._reporting.due()
        if report is not None:
            request.report.CopyFrom(report)
            if request.ByteSize() > limits.MAX_SYNC_REQUEST:
                # A full push goes first; the report has the whole day.
                request.ClearField("report")
        if request.ByteSize() > limits.MAX_SYNC_REQUEST:
            raise OmegaError(ErrorCode.INTERNAL, detail=f"a request of {request.ByteSize()} bytes")
        return request

    def _succeeded(self, outcome: SyncOutcome) -> None:
        with self._stores.database.transaction():
            self._stores.meta.sync_succeeded(self._brain.clock.now())
            self._stores.sync.set_not_before(self.schedule.succeeded(outcome.retry_after_seconds))

    def _failed(self, error: OmegaError, asked: float) -> None:
        if error.code is ErrorCode.SYNC_NOT_ALLOWED:
            self.schedule.put_off()
            return
        not_before = self.schedule.failed(asked)
        try:
            with self._stores.database.transaction():
                self._stores.meta.sync_failed(error.public_text)
                if not_before:
                    self._stores.sync.set_not_before(not_before)
        except OmegaError as unnoted:
            _log.warning("the failed sync is not noted: %s", unnoted)


def _retry_after(answer: pb.SyncResponse) -> float:
    wait = answer.retry_after
    return min(max(wait.seconds + wait.nanos / 1e9, 0.0), LONGEST)


def _asked(failure: Exception) -> float:
    """Seconds after which whoever refused wants to be asked again; 0 = it did not say."""
    if isinstance(failure, CircuitOpen):
        return failure.retry_after.total_seconds()
    if not isinstance(failure, ServiceError):
        return 0.0
    # One that was shut out is not let in again by asking: once a day is enough to find out.
    return LONGEST if failure.reason == ErrorCode.REVOKED else failure.retry_after


def _as_omega_error(failure: Exception) -> OmegaError:
    """What the caller of SyncNow sees: never another service's error as if it were its own."""
    if isinstance(failure, ServiceError | CircuitOpen):
        return OmegaError(ErrorCode.SYNC_UNAVAILABLE, detail=str(failure))
    if not isinstance(failure, OmegaError):
        _log.error("an exchange failed", exc_info=failure)
        return OmegaError(ErrorCode.INTERNAL, detail=repr(failure))
    if failure.code in {ErrorCode.INVALID_FIELD, ErrorCode.ENCODER_MISMATCH}:
        return OmegaError(ErrorCode.CORRUPT_RESOURCE, detail=str(failure))
    return failure
