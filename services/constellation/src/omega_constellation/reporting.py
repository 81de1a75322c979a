"""Takes reports of pairs and gives tokens out (omega_threshold), from threads of RPCs."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from omega.constellation.v1 import constellation_service_pb2 as pb
from omega.threshold.v1 import keys_pb2
from omega_client import RandomnessClient
from omega_constellation import metering
from omega_constellation.config import ConstellationConfig
from omega_constellation.randomness_keys import PATIENCE_SECONDS, RandomnessKeys
from omega_constellation.repeating import Repeating
from omega_core.clock import Clock
from omega_core.errors import ErrorCode, OmegaError, invalid
from omega_rpc.tokens import read_secret
from omega_store import Store, threshold_intake
from omega_store.threshold_intake import ReportInbox
from omega_threshold import DerivedKeys, Redeemer, Schedule, evaluate, ristretto
from omega_threshold.intake import Intake, Outcome

_log = logging.getLogger(__name__)
_LOOK_SECONDS, _RETRY_SECONDS = 600.0, 30.0


@dataclass(frozen=True)
class Terms:
    """On which terms reports are taken; the same at all shards."""

    threshold: int
    """Reports that open a pair."""
    tokens_per_epoch: int
    """Most tokens of a device in an epoch."""
    at_work: int
    """Reports that are worked on at once: half of the connections."""
    at_once: int
    """Reports that are worked on or wait for it before OVERLOADED: half of the threads."""


class Reporting:
    """Reports.

    Args:
        store: the shard.
        keys: the fleet's.
        randomness: what the randomness server says.
        terms: of reports.
        clock: tells which epochs are open.
    """

    def __init__(
        self,
        store: Store,
        keys: DerivedKeys,
        randomness: RandomnessKeys,
        terms: Terms,
        clock: Clock,
    ) -> None:
        self._store = store
        self._keys = keys
        self._randomness = randomness
        self._terms = terms
        self._clock = clock
        self._redeemer = Redeemer(keys, ReportInbox(store))
        # Anybody may send what looks like a report: it must take neither all threads nor all
        # connections.
        self._welcome = threading.BoundedSemaphore(terms.at_once)
        self._working = threading.BoundedSemaphore(terms.at_work)
        self._complaint = ""
        self._looking = Repeating("reports", self._look, _RETRY_SECONDS)

    def start(self) -> None:
        """From time to time asks the randomness server, and forgets epochs that have closed."""
        self._looking.start()

    def close(self) -> None:
        """Ends."""
        self._looking.stop()
        self._randomness.close()

    def handle(self, encapsulated: bytes) -> bytes:
        """See Reports.handle."""
        now = self._clock.now()
        intake = Intake(self._keys.gateway(now), self._redeemer, self._terms.threshold, told=_count)
        with self._turn():
            return intake.handle(encapsulated, now)

    def keys(self) -> keys_pb2.ReportingKeys:
        """See Reports.keys."""
        now, schedule = self._clock.now(), self._keys.schedule
        told = self._randomness.of(schedule.open(now))
        return keys_pb2.ReportingKeys(
            threshold=self._terms.threshold,
            epoch_days=schedule.days,
            grace_hours=schedule.grace_hours,
            epochs=[
                keys_pb2.EpochKeys(
                    epoch=epoch,
                    gateway=self._keys.config(epoch, now).encode(),
                    tokens=self._keys.key(epoch, now).public,
                    randomness=told[epoch],
                )
                for epoch in schedule.open(now)
            ],
        )

    def issue(self, request: pb.IssueTokensRequest) -> pb.IssueTokensResponse:
        """See Reports.issue. Counted, durably, before anything is evaluated."""
        blinded = [
            ristretto.decode_element(f"blinded[{i}]", each)
            for i, each in enumerate(request.blinded)
        ]
        key = self._keys.key(request.epoch, self._clock.now())
        with self._store.transaction("issue tokens") as conn:
            left = threshold_intake.issue(
                conn,
                request.device_id,
                request.request_id,
                request.epoch,
                blinded,
                self._terms.tokens_per_epoch,
            )
        answer = evaluate(key, blinded)
        metering.tokens.add(len(blinded))
        return pb.IssueTokensResponse(evaluated=answer.elements, proof=answer.proof, left=left)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._welcome.acquire(blocking=False):
            raise OmegaError(ErrorCode.OVERLOADED)
        try:
            with self._working:
                yield
        finally:
            self._welcome.release()

    def _look(self) -> float:
        served = self._keys.schedule.open(self._clock.now())
        try:
            with self._store.transaction("forget tokens") as conn:
                threshold_intake.forget(conn, served.start)
            self._randomness.compare(served)
        except OmegaError as error:
            if str(error) != self._complaint:
                _log.warning("keys of reports are not looked after: %s", error)
            self._complaint = str(error)
            return _RETRY_SECONDS
        self._complaint = ""
        return _LOOK_SECONDS


def taking(config: ConstellationConfig, workers: int) -> Callable[[Store, Clock], Reporting]:
    """Makes what takes reports, once there is a store.

    Args:
        config: of the constellation.
        workers: threads that answer calls.

    Raises:
        OmegaError: INVALID_FIELD threshold_secret_file, randomness_target or randomness_tls_ca.
    """
    if config.threshold_secret_file is None:
        raise invalid("threshold_secret_file", "set where reports are taken")
    name = "threshold_secret_file"
    secret = read_secret(name, config.threshold_secret_file).encode()
    try:
        keys = DerivedKeys(secret, Schedule(config.epoch_days, config.grace_hours))
    except OmegaError as error:
        raise invalid(name, f"a file of {error.bound}") from error
    try:
        server = RandomnessClient(
            config.randomness_target, timeout=PATIENCE_SECONDS, tls=config.randomness_tls()
        )
    except OmegaError as error:
        raise invalid(f"randomness_{error.field}", error.bound) from error
    terms = Terms(
        config.threshold,
        config.tokens_per_epoch,
        at_work=max(1, config.pool_size // 2),
        at_once=max(1, workers // 2),
    )
    return lambda store, clock: Reporting(store, keys, RandomnessKeys(store, server), terms, clock)


def _count(outcome: Outcome) -> None:
    metering.reports.add(1, {"omega.outcome": outcome.name.lower()})
