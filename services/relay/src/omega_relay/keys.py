"""The gateway's keys as this relay was told them: one copy for all who ask."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import grpc

from omega.threshold.v1 import keys_pb2, relay_service_pb2_grpc
from omega.threshold.v1 import relay_service_pb2 as pb
from omega_core import validate
from omega_core.clock import Clock
from omega_core.errors import ErrorCode, OmegaError
from omega_rpc.call import remaining
from omega_rpc.status import from_rpc_error

_START = datetime(1970, 1, 1, tzinfo=UTC)
_MOST_EPOCHS, _CONFIG_BYTES, _KEY_BYTES = 32, 41, 32
_PAUSE = timedelta(seconds=1)
"""Least time between two questions to the gateway."""


class KeysCopy:
    """Keeps what the gateway told last. Threads may share it.

    It is asked anew after a while, and where no epoch is named that goes on. While the gateway is
    away the copy is told as long as it names an epoch that is open.

    Args:
        gateway: a channel that adds nothing to a call.
        age: how long a copy is told without asking.
        longest: seconds to wait for the gateway.
        clock: tells how old the copy is, and which epochs are open.
    """

    def __init__(self, gateway: grpc.Channel, age: timedelta, longest: float, clock: Clock) -> None:
        self._gateway = relay_service_pb2_grpc.GatewayServiceStub(gateway)
        self._age = age
        self._longest = longest
        self._now: Callable[[], datetime] = clock.now
        self._asking = threading.Lock()
        self._told: keys_pb2.ReportingKeys | None = None
        self._told_at = self._asked_at = _START

    def get(self) -> keys_pb2.ReportingKeys:
        """The copy; not to be changed.

        Raises:
            OmegaError: UPSTREAM_UNAVAILABLE where there is none that is of use; what the gateway
                refuses by, where it answers.
        """
        now, told = self._now(), self._told
        if told is not None and self._fresh(told, now):
            return told
        # Who finds another asking is told the copy, or waits where there is none.
        if not self._asking.acquire(blocking=told is None or not _open(told, now)):
            return self._useful(told, now)
        try:
            return self._renewed(self._now())
        finally:
            self._asking.release()

    def _renewed(self, now: datetime) -> keys_pb2.ReportingKeys:
        told = self._told
        if told is not None and self._fresh(told, now):
            return told
        if timedelta(0) <= now - self._asked_at < _PAUSE:
            return self._useful(told, now)
        self._asked_at = now
        try:
            request = pb.GatewayServiceGetReportingKeysRequest()
            answer = self._gateway.GetReportingKeys(request, timeout=remaining(self._longest))
            self._told, self._told_at = _checked(answer.keys), now
        except grpc.RpcError as error:
            refused = from_rpc_error(error)
            if told is None or refused.code is ErrorCode.REPORTS_NOT_TAKEN:
                raise refused from error
        except OmegaError:
            if told is None:
                raise
        return self._useful(self._told, now)

    def _fresh(self, told: keys_pb2.ReportingKeys, now: datetime) -> bool:
        young = timedelta(0) <= now - self._told_at < self._age
        return young and now < _ends(told)

    def _useful(self, told: keys_pb2.ReportingKeys | None, now: datetime) -> keys_pb2.ReportingKeys:
        if told is None or not _open(told, now):
            raise OmegaError(ErrorCode.UPSTREAM_UNAVAILABLE, detail="no keys of an open epoch")
        return told


def _ends(told: keys_pb2.ReportingKeys) -> datetime:
    """When the last epoch ends that is named."""
    return _START + timedelta(days=told.epoch_days) * (told.epochs[-1].epoch + 1)


def _open(told: keys_pb2.ReportingKeys, now: datetime) -> bool:
    return now < _ends(told) + timedelta(hours=told.grace_hours)


def _checked(told: keys_pb2.ReportingKeys) -> keys_pb2.ReportingKeys:
    """What was told, held to its bounds, without fields that this contract does not know.

    Raises:
        OmegaError: UPSTREAM_UNAVAILABLE for what is out of bounds.
    """
    copy = keys_pb2.ReportingKeys()
    copy.CopyFrom(told)
    copy.DiscardUnknownFields()
    try:
        validate.integer("threshold", copy.threshold, 2, 32)
        validate.integer("epoch_days", copy.epoch_days, 1, 366)
        validate.integer("grace_hours", copy.grace_hours, 0, 720)
        validate.count("epochs", copy.epochs, _MOST_EPOCHS, 1)
        validate.integer("epoch", copy.epochs[-1].epoch, 1, 1_000_000)
        for each in copy.epochs:
            validate.size("gateway", each.gateway, _CONFIG_BYTES)
            validate.size("tokens", each.tokens, _KEY_BYTES)
            validate.size("randomness", each.randomness, _KEY_BYTES)
    except OmegaError as error:
        raise OmegaError(ErrorCode.UPSTREAM_UNAVAILABLE, detail=str(error)) from error
    return copy
