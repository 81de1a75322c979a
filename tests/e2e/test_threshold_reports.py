"""Households report through a real randomness server and a real relay; the operator counts."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import grpc
import pytest

from omega.threshold.v1 import relay_service_pb2 as pb
from omega.threshold.v1 import relay_service_pb2_grpc
from omega_client import RandomnessClient, RelayClient
from omega_rpc.config import ServerConfig
from omega_rpc.server import Binding, Server
from omega_testing.processes import ServiceProcess
from omega_threshold import (
    Aggregator,
    Evaluation,
    KeyRing,
    Pair,
    Redeemer,
    Report,
    ReportRequest,
    Schedule,
    SecretKey,
    SpentTokens,
    TokenRequest,
    evaluate,
    title_key,
)
from omega_threshold.envelope import Gateway
from omega_threshold.intake import Intake, Outcome, Submission, outcome_of

THRESHOLD = 3
GATEWAY = Gateway({1: b"\4" * 32})


@dataclass
class Operator(relay_service_pb2_grpc.GatewayServiceServicer):
    """The intake behind a relay. It keeps what an operator's database would hold."""

    intake: Intake = field(init=False)
    rows: list[bytes] = field(default_factory=list)

    def keep(self, report: Report) -> None:
        if report.encode() not in self.rows:
            self.rows.append(report.encode())

    def Handle(  # noqa: N802 - named by the contract
        self, request: pb.HandleRequest, context: grpc.ServicerContext
    ) -> pb.HandleResponse:
        del context
        answer = self.intake.handle(request.encapsulated, datetime.now(UTC))
        return pb.HandleResponse(encapsulated=answer)


@dataclass
class Parties:
    """Whom a TV calls."""

    operator: Operator
    randomness: RandomnessClient
    relay: RelayClient
    issuer: KeyRing

    def reports(self, likes: list[str]) -> list[Submission]:
        """A TV's reports of all pairs of what it likes, each with a token."""
        pairs = [Pair.of(*each) for each in itertools.combinations(likes, 2)]
        key = self.randomness.get_public_key()
        request = ReportRequest.of(key.epoch, THRESHOLD, pairs)
        answer = self.randomness.evaluate(key.epoch, request.blinded.elements)
        reports = request.finalize(
            Evaluation(tuple(answer.evaluated), answer.proof), key.public_key
        )
        tokens, issuing = TokenRequest.drawn(key.epoch, len(pairs)), self._issuing(key.epoch)
        issued = tokens.finalize(evaluate(issuing, tokens.blinded.elements), issuing.public)
        return [Submission(*each) for each in zip(issued, reports, strict=True)]

    def _issuing(self, epoch: int) -> SecretKey:
        return self.issuer.key(epoch, datetime.now(UTC))

    def submit(self, submission: Submission) -> Outcome:
        sent, exchange = submission.sealed(GATEWAY.config(1))
        return outcome_of(exchange, self.relay.forward(sent).encapsulated)


@pytest.fixture
def parties(tmp_path: Path) -> Iterator[Parties]:
    operator = Operator()
    binding = Binding(
        "omega.threshold.v1.GatewayService",
        relay_service_pb2_grpc.add_GatewayServiceServicer_to_server,
        operator,
    )
    gateway = Server(ServerConfig(listen=f"unix:{tmp_path}/gateway"), [binding])
    (tmp_path / "randomness").mkdir()
    of_randomness = {
        "OMEGA_RANDOMNESS_LISTEN": f"unix:{tmp_path}/randomness/socket",
        "OMEGA_RANDOMNESS_STORAGE_PATH": str(tmp_path / "randomness"),
    }
    of_relay = {
        "OMEGA_RELAY_LISTEN": f"unix:{tmp_path}/relay",
        "OMEGA_RELAY_GATEWAY_TARGET": gateway.start(),
    }
    with (
        KeyRing(tmp_path / "tokens", "tokens", Schedule()) as issuer,
        SpentTokens(tmp_path / "spent") as spent,
        ServiceProcess(["omega-randomness"], of_randomness) as randomness,
        ServiceProcess(["omega-relay"], of_relay) as relay,
        RandomnessClient(randomness.address) as asked,
        RelayClient(relay.address) as through,
    ):
        operator.intake = Intake(GATEWAY, Redeemer(issuer, spent), THRESHOLD, operator.keep)
        yield Parties(operator, asked, through, issuer)
    gateway.stop()


def test_the_operator_sees_what_enough_households_like_and_nothing_else(
    parties: Parties, tmp_path: Path
) -> None:
    chance = random.Random(9)  # noqa: S311 - made-up households
    # Few titles are much liked, many are little.
    titles = [f"movie:{n}" for n in range(12)]
    weights = [1 / (n + 1) for n in range(12)]
    households = [
        sorted(set(chance.choices(titles, weights, k=3)) | {titles[0], f"only:{n}"})
        for n in range(16)
    ]
    sent = [each for likes in households for each in parties.reports(likes)]
    chance.shuffle(sent)
    # Answers of a tenth are lost, and the TVs repeat.
    again = chance.sample(sent, len(sent) // 10)
    assert {parties.submit(each) for each in [*sent, *again]} == {Outcome.TAKEN}

    aggregator = Aggregator()
    for row in parties.operator.rows:
        aggregator.add(Report.decode(row))
    plain = Counter(
        Pair.of(*pair) for likes in households for pair in itertools.combinations(likes, 2)
    )
    enough = {pair: count for pair, count in plain.items() if count >= THRESHOLD}
    assert 3 < len(enough) < len(plain)
    assert aggregator.counts() == enough
    assert aggregator.sealed == plain.total() - sum(enough.values())

    # All that is stored anywhere, read as bytes.
    stored = b"".join(parties.operator.rows)
    stored += b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert parties.operator.rows[0] in stored
    named = [title for likes in households for title in likes]
    assert [title for title in named if title.encode() in stored] == []
    assert [title for title in named if title_key(title) in stored] == []
