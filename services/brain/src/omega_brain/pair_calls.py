"""The calls that reports of pairs take: each is paid for with bytes of the day before it is made.

Bytes are those of serialised requests and answers. What was planned for a call stays spent where
the process dies in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol, TypeVar

from google.protobuf.message import Message

from omega.sync.v1 import sync_service_pb2 as sync
from omega.threshold.v1 import keys_pb2
from omega.threshold.v1 import randomness_service_pb2 as randomness
from omega.threshold.v1 import relay_service_pb2 as relay
from omega_brain import pair_metering
from omega_brain.endpoint import Endpoint
from omega_client import ClientTls, RandomnessClient, RelayClient
from omega_core.clock import Clock
from omega_core.errors import invalid
from omega_persistence.pair_means import PairMeans, TokenAsk
from omega_threshold import EpochKeys, Evaluation, ReportingKeys, Schedule
from omega_threshold.envelope import KeyConfig
from omega_threshold.intake import ANSWERED_BYTES, SENT_BYTES

A = TypeVar("A", bound=Message)
C = TypeVar("C", RelayClient, RandomnessClient)
_FIELD = 34
"""An element in a message."""
_PROOF = 66
_LEFT = 6
_KEYS = 512
"""What is planned for an answer with keys: those of three epochs. One with more is paid in full."""
_ONE_KEY = 80
_NOTHING = 5
"""An epoch, as a field."""
FORWARD = (
    relay.ForwardRequest(encapsulated=bytes(SENT_BYTES)).ByteSize()
    + relay.ForwardResponse(encapsulated=bytes(ANSWERED_BYTES)).ByteSize()
)
"""Bytes of a report and its answer."""
EACH = 4 * _FIELD
"""Bytes of a report's coins and token."""
BATCH = 38 + _LEFT + 2 * (_PROOF + _NOTHING)
"""Bytes of a batch of coins and tokens, beside EACH of them."""


class SpentError(Exception):
    """What is left of the day does not pay for a call."""


class Fleet(Protocol):
    """What is asked of the fleet."""

    def reporting_keys(self) -> sync.GetReportingKeysResponse:
        """Keys of reports."""
        ...

    def issue_tokens(self, request: sync.IssueTokensRequest) -> sync.IssueTokensResponse:
        """Tokens of reports."""
        ...


class PairCalls:
    """Calls the three parties. Not safe for threads, but for close().

    Args:
        relay_at: where the relay is.
        relay_tls: how it is trusted; used where it speaks TLS.
        randomness_at: where the randomness server is.
        randomness_tls: as relay_tls.
        fleet: the operator, who is told which TV calls.
        means: keeps the bytes of each day.
        clock: tells the day.
        most: bytes that a day allows.
    """

    def __init__(
        self,
        *,
        relay_at: Endpoint,
        relay_tls: ClientTls,
        randomness_at: Endpoint,
        randomness_tls: ClientTls,
        fleet: Fleet,
        means: PairMeans,
        clock: Clock,
        most: int,
    ) -> None:
        self._relay = (relay_at.target, relay_tls if relay_at.tls else None)
        self._randomness = (randomness_at.target, randomness_tls if randomness_at.tls else None)
        self._fleet = fleet
        self._means = means
        self._clock = clock
        self._most = most
        self._open: RelayClient | RandomnessClient | None = None
        self._closed = False

    def operators_keys(self) -> ReportingKeys:
        """What the operator says."""
        request = sync.GetReportingKeysRequest()
        return _read(self._paid(request, _KEYS, self._fleet.reporting_keys).keys)

    def relays_keys(self) -> ReportingKeys:
        """What the relay says."""
        request = relay.RelayServiceGetReportingKeysRequest()

        def ask() -> relay.RelayServiceGetReportingKeysResponse:
            with self._calling(RelayClient, self._relay) as client:
                return client.get_reporting_keys()

        return _read(self._paid(request, _KEYS, ask).keys)

    def randomness_key(self, epoch: int) -> bytes:
        """What the randomness server says of its own key of an epoch."""

        def ask() -> randomness.GetPublicKeyResponse:
            with self._calling(RandomnessClient, self._randomness) as client:
                return client.get_public_key(epoch)

        return self._paid(randomness.GetPublicKeyRequest(epoch=epoch), _ONE_KEY, ask).public_key

    def issue(self, asked: TokenAsk, blinded: Sequence[bytes]) -> tuple[Evaluation, int]:
        """Tokens, still blinded, and how many more there are."""
        request = sync.IssueTokensRequest(
            request_id=asked.request_id, epoch=asked.epoch, blinded=blinded
        )
        planned = _FIELD * len(blinded) + _PROOF + _LEFT
        answer = self._paid(request, planned, lambda: self._fleet.issue_tokens(request))
        return Evaluation(tuple(answer.evaluated), answer.proof), answer.left

    def evaluate(self, epoch: int, blinded: Sequence[bytes]) -> Evaluation:
        """Coins, still blinded."""
        request = randomness.EvaluateRequest(epoch=epoch, blinded=blinded)

        def ask() -> randomness.EvaluateResponse:
            with self._calling(RandomnessClient, self._randomness) as client:
                return client.evaluate(epoch, blinded)

        answer = self._paid(request, _FIELD * len(blinded) + _PROOF, ask)
        return Evaluation(tuple(answer.evaluated), answer.proof)

    def forward(self, encapsulated: bytes, begins: Callable[[], None]) -> bytes:
        """Sends one report, alone in a call of a connection of its own.

        Args:
            encapsulated: SENT_BYTES.
            begins: called when it is paid for and about to leave.
        """
        request = relay.ForwardRequest(encapsulated=encapsulated)

        def ask() -> relay.ForwardResponse:
            begins()
            with self._calling(RelayClient, self._relay) as client:
                return client.forward(encapsulated)

        return self._paid(request, FORWARD - request.ByteSize(), ask).encapsulated

    def close(self) -> None:
        """Ends the call under way, and all later ones."""
        self._closed = True
        if (client := self._open) is not None:
            client.close()

    @contextmanager
    def _calling(self, kind: type[C], at: tuple[str, ClientTls | None]) -> Iterator[C]:
        """A client with a connection of its own, which close() ends."""
        with kind(at[0], tls=at[1]) as client:
            self._open = client
            try:
                if self._closed:
                    client.close()
                yield client
            finally:
                self._open = None

    def _paid(self, request: Message, planned: int, ask: Callable[[], A]) -> A:
        """A call; what it cost is put in the place of what was planned when it has ended.

        Raises:
            SpentError: the day does not pay for it; nothing was sent.
        """
        now, sent = self._clock.now(), request.ByteSize()
        if not self._means.spend(now, sent + planned, self._most):
            raise SpentError
        cost = sent
        try:
            answer = ask()
            cost += answer.ByteSize()
            return answer
        finally:
            pair_metering.moved(cost)
            self._means.settle(now, sent + planned, cost)


def _read(keys: keys_pb2.ReportingKeys) -> ReportingKeys:
    """The keys in a message.

    Raises:
        OmegaError: INVALID_FIELD.
    """
    return ReportingKeys(
        keys.threshold,
        Schedule(keys.epoch_days, keys.grace_hours),
        tuple(
            EpochKeys(each.epoch, _config(each.gateway), each.tokens, each.randomness)
            for each in keys.epochs
        ),
    )


def _config(encoded: bytes) -> KeyConfig:
    if not encoded:
        raise invalid("gateway", "a key configuration")
    return KeyConfig.decode(encoded)
