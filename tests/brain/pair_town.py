"""All that a TV reports pairs to, over real sockets, under a clock that is moved."""

from __future__ import annotations

import itertools
import shutil
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc

from omega.sync.v1 import sync_service_pb2 as sync
from omega.threshold.v1 import (
    keys_pb2,
    randomness_service_pb2_grpc,
    relay_service_pb2_grpc,
)
from omega.threshold.v1 import randomness_service_pb2 as randomness_pb
from omega.threshold.v1 import relay_service_pb2 as relay_pb
from omega_brain.endpoint import Endpoint
from omega_brain.pair_calls import PairCalls
from omega_brain.pair_reporter import PairReporter
from omega_brain.stores import Stores
from omega_client import ClientTls, ServiceError
from omega_core.clock import ManualClock
from omega_core.errors import ErrorCode, OmegaError
from omega_persistence.pair_reports import PairState
from omega_randomness.budget import Budget
from omega_randomness.servicer import RandomnessServicer
from omega_relay.keys import KeysCopy
from omega_relay.servicer import RelayServicer
from omega_rpc.config import ServerConfig
from omega_rpc.rate_limits import Rate, RateLimit
from omega_rpc.server import Binding, Server
from omega_testing.household_traces import TITLES, stock
from omega_threshold import (
    KeyRing,
    Pair,
    Redeemer,
    Report,
    Schedule,
    Sealing,
    SecretKey,
    SpentTokens,
    evaluate,
    title_key,
)
from omega_threshold.envelope import Gateway, KeyConfig
from omega_threshold.intake import Intake

NOW = datetime(2026, 1, 16, 9, tzinfo=UTC)
"""A day after an epoch began."""
THRESHOLD = 3
SETTLED = {PairState.TOLD, PairState.REFUSED}


def told(titles: Collection[int]) -> set[Pair]:
    """Every pair of these titles, by rowid, and each alone."""
    named = [f"c{rowid - 1}" for rowid in titles]
    return {Pair.of(*pair) for pair in itertools.combinations_with_replacement(named, 2)}


@dataclass
class Arrived:
    """One call as a party that is not the operator sees it."""

    at: datetime
    method: str
    size: int
    metadata: tuple[tuple[str, str], ...]
    elements: int = 0


class Town(relay_service_pb2_grpc.GatewayServiceServicer):
    """Operator, relay and randomness server; `fleet` is what a TV asks as itself."""

    def __init__(self, folder: Path, clock: Any, stack: ExitStack, **days: int) -> None:
        self.clock = clock
        self.schedule = Schedule(**days) if days else Schedule()
        self.coins = stack.enter_context(KeyRing(folder / "coins", "coins", self.schedule))
        self.issuer = stack.enter_context(KeyRing(folder / "issuer", "tokens", self.schedule))
        self.spent = stack.enter_context(SpentTokens(folder / "spent"))
        self.gateway_keys = Gateway({n: bytes([n, 1]) * 16 for n in range(256)})
        self.rows: list[bytes] = []
        """Reports that were taken, each once."""
        self.titles: list[int] = []
        """Rowids of all titles that anybody likes."""
        self.known: set[Pair] = set()
        """All that anybody reports, in the place of `titles`."""
        self._names: dict[bytes, Pair] = {}
        self.arrived: list[Arrived] = []
        """Calls of relay and randomness server."""
        self.issued: dict[str, tuple[bytes, ...]] = {}
        self.quota = 10_000
        self.cheats: set[str] = set()
        """Of "randomness" and "fleet": those that use a key of their own for this TV."""
        self.down: set[str] = set()
        """Of "relay", "randomness", "operator", "fleet"."""
        self.told_by_relay: Callable[[keys_pb2.ReportingKeys], None] = lambda _: None
        self.told_by_fleet: Callable[[keys_pb2.ReportingKeys], None] = lambda _: None
        self.at: Callable[[str], None] = lambda _: None
        """Called with the name of each point that a call comes to."""
        self.outcomes: list[ErrorCode] = []
        """Answers for the next reports, in the place of the true ones."""
        self.intake = Intake(
            self.gateway_keys, Redeemer(self.issuer, self.spent), THRESHOLD, self._keep
        )
        budget = stack.enter_context(Budget(folder / "budget", 1_000_000))
        self.randomness_at = _serve(
            stack,
            "omega.threshold.v1.RandomnessService",
            randomness_service_pb2_grpc.add_RandomnessServiceServicer_to_server,
            Watched(self, RandomnessServicer(self.coins, budget, clock)),
        )
        self.gateway_at = _serve(
            stack,
            "omega.threshold.v1.GatewayService",
            relay_service_pb2_grpc.add_GatewayServiceServicer_to_server,
            self,
        )
        channel = stack.enter_context(grpc.insecure_channel(self.gateway_at.target))
        copy = KeysCopy(channel, timedelta(minutes=5), 20.0, clock)
        limit = RateLimit(Rate(1e6, 1_000_000), "network", lambda: 0.0)
        self.relay_at = _serve(
            stack,
            "omega.threshold.v1.RelayService",
            relay_service_pb2_grpc.add_RelayServiceServicer_to_server,
            Watched(self, RelayServicer(channel, limit, copy, 20.0)),
        )

    def keys(self) -> keys_pb2.ReportingKeys:
        """What is true."""
        now = self.clock.now()
        return keys_pb2.ReportingKeys(
            threshold=THRESHOLD,
            epoch_days=self.schedule.days,
            grace_hours=self.schedule.grace_hours,
            epochs=[
                keys_pb2.EpochKeys(
                    epoch=epoch,
                    gateway=self.gateway_keys.config(epoch % 256).encode(),
                    tokens=self.issuer.key(epoch, now).public,
                    randomness=self.coins.key(epoch, now).public,
                )
                for epoch in self.schedule.open(now)
            ],
        )

    def reporting_keys(self) -> sync.GetReportingKeysResponse:
        """What the operator tells a TV."""
        self._must("fleet")
        keys = self.keys()
        self.told_by_fleet(keys)
        return sync.GetReportingKeysResponse(keys=keys)

    def issue_tokens(self, request: sync.IssueTokensRequest) -> sync.IssueTokensResponse:
        """Tokens for the one TV, as its quota allows."""
        self._must("fleet")
        self.at("asked for tokens")
        known = self.issued.get(request.request_id)
        assert known is None or known == tuple(request.blinded)
        had = sum(map(len, self.issued.values())) if known is None else 0
        if had + len(request.blinded) > self.quota and known is None:
            raise ServiceError("RESOURCE_EXHAUSTED", reason=ErrorCode.TOKENS_SPENT)
        self.issued[request.request_id] = tuple(request.blinded)
        key = self.issuer.key(request.epoch, self.clock.now())
        if "fleet" in self.cheats:
            key = SecretKey.derived(bytes(32), b"of this TV")
        answer = evaluate(key, request.blinded)
        self.at("gave tokens")
        left = self.quota - sum(map(len, self.issued.values()))
        return sync.IssueTokensResponse(evaluated=answer.elements, proof=answer.proof, left=left)

    def GetReportingKeys(  # noqa: N802 - named by the contract
        self,
        request: relay_pb.GatewayServiceGetReportingKeysRequest,
        context: grpc.ServicerContext,
    ) -> relay_pb.GatewayServiceGetReportingKeysResponse:
        """What the operator tells a relay."""
        del request, context
        self._must("operator")
        return relay_pb.GatewayServiceGetReportingKeysResponse(keys=self.keys())

    def Handle(  # noqa: N802 - named by the contract
        self, request: relay_pb.HandleRequest, context: grpc.ServicerContext
    ) -> relay_pb.HandleResponse:
        """The operator's intake."""
        del context
        self._must("operator")
        if self.outcomes:
            data, exchange = self.gateway_keys.decapsulate(request.encapsulated)
            del data
            made = {"TOKEN_REFUSED": 2, "EPOCH_CLOSED": 3, "INVALID_FIELD": 4}
            answer = exchange.seal(bytes([made[self.outcomes.pop(0)]]))
        else:
            answer = self.intake.handle(request.encapsulated, self.clock.now())
            self.at("took a report")
        return relay_pb.HandleResponse(encapsulated=answer)

    def pairs(self) -> Counter[Pair]:
        """Reports by pair, over all epochs; whoever has all keys can tell."""
        return Counter(self._names[row] for row in self.rows)

    def _keep(self, report: Report) -> None:
        row = report.encode()
        if row not in self.rows:
            self.rows.append(row)
            self._names[row] = self._read(report)

    def _read(self, report: Report) -> Pair:
        key = self.coins.key(report.epoch, self.clock.now())
        for pair in self.known or told(self.titles):
            sealing = Sealing.of_coins(key.evaluate(pair.asked), report.epoch, THRESHOLD)
            if sealing.opened(report) == pair:
                return pair
        raise AssertionError("a report of a pair that nobody likes")

    def _must(self, party: str) -> None:
        if party in self.down:
            raise OmegaError(ErrorCode.UPSTREAM_UNAVAILABLE)


class Watched:
    """A servicer of which each call is noted, and which can be down."""

    def __init__(self, town: Town, inner: Any) -> None:
        self._town = town
        self._inner = inner
        self._party = "relay" if isinstance(inner, RelayServicer) else "randomness"

    def __getattr__(self, name: str) -> Any:
        inner = getattr(self._inner, name, None)

        def handle(request: Any, context: grpc.ServicerContext) -> Any:
            shown = tuple(sorted((key, str(value)) for key, value in context.invocation_metadata()))
            blinded = len(getattr(request, "blinded", ()))
            seen = Arrived(self._town.clock.now(), name, request.ByteSize(), shown, blinded)
            self._town.arrived.append(seen)
            self._town._must(self._party)
            self._town.at(f"came to {name}")
            assert inner is not None
            answer = inner(request, context)
            if name == "GetReportingKeys":
                told = keys_pb2.ReportingKeys.FromString(answer.keys.SerializeToString())
                self._town.told_by_relay(told)
                answer = relay_pb.RelayServiceGetReportingKeysResponse(keys=told)
            if name == "Evaluate" and "randomness" in self._town.cheats:
                cheat = evaluate(SecretKey.derived(bytes(32), b"of this TV"), request.blinded)
                answer = randomness_pb.EvaluateResponse(evaluated=cheat.elements, proof=cheat.proof)
            self._town.at(f"answers {name}")
            return answer

        return handle


@dataclass
class Likes:
    """What a household likes: rowids and ids of the catalogue that `stock` stores."""

    titles: list[int] = field(default_factory=list)

    def rowids(self) -> set[int]:
        return set(self.titles)

    def newest(self) -> dict[int, str]:
        return {rowid: f"c{rowid - 1}" for rowid in self.titles[-100:]}

    def support(self) -> dict[bytes, float]:
        return {title_key(f"c{number}"): 1 / (number + 1) for number in range(TITLES)}


@dataclass
class PairTv:
    """A TV's disk, and what reports from it."""

    town: Town
    folder: Path
    likes: Likes
    most: int = 4_000
    delay: timedelta = timedelta(hours=24)
    allowed: bool = True
    starts: int = 0
    stores: Stores = field(init=False)
    reporter: PairReporter = field(init=False)

    def start(self) -> None:
        """Opens the disk as a process would."""
        self.town.titles = sorted({*self.town.titles, *self.likes.titles})
        self.starts += 1
        self.stores = Stores.open(self.folder, self.town.clock)
        if not self.stores.contents.count():
            stock(self.stores.database)
        calls = PairCalls(
            relay_at=self.town.relay_at,
            relay_tls=ClientTls(),
            randomness_at=self.town.randomness_at,
            randomness_tls=ClientTls(),
            fleet=self.town,
            means=self.stores.pair_means,
            clock=self.town.clock,
            most=self.most,
        )
        self.reporter = PairReporter(
            stores=self.stores,
            clock=self.town.clock,
            calls=calls,
            liked=self.likes,
            allowed=lambda: self.allowed,
            delay=self.delay,
            most=self.most,
        )

    def stop(self) -> None:
        """An orderly end."""
        self.stores.close()

    def crashed(self) -> None:
        """What is on the disk at this moment is all that the next start finds."""
        copy = self.folder.with_name(f"{self.folder.name}+")
        shutil.copytree(self.folder, copy)
        self.folder = copy

    def restart(self) -> None:
        """Goes on from the disk; what the old process holds is nothing to it."""
        old = self.stores
        self.start()
        old.database.close()

    def run(self, until: datetime) -> None:
        """Takes each turn when it is due."""
        clock = self.town.clock
        while (at := self.reporter.next_at()) is not None and at < until:
            clock.advance(max(timedelta(), at - clock.now()))
            self.reporter.turn()
            if clock.now() >= until:
                break
        clock.advance(max(timedelta(), until - clock.now()))

    def days(self, count: float) -> None:
        """Runs for so many days."""
        self.run(self.town.clock.now() + timedelta(days=count))


@contextmanager
def town(folder: Path, clock: Any = None, **days: int) -> Iterator[Town]:
    """Serves all parties."""
    with ExitStack() as stack:
        yield Town(folder, clock or ManualClock(NOW), stack, **days)


def _serve(stack: ExitStack, name: str, add: Any, servicer: Any) -> Endpoint:
    server = Server(ServerConfig(listen="127.0.0.1:0"), [Binding(name, add, servicer)])
    address = server.start()
    stack.callback(server.stop)
    return Endpoint(address, tls=False)


def other_config(encoded: bytes) -> bytes:
    """A key configuration that differs."""
    return KeyConfig(KeyConfig.decode(encoded).key_id, bytes(31) + b"\x09").encode()
