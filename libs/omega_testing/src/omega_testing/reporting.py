"""A TV that reports pairs of titles, as far as its cryptography and its calls go."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from omega.sync.v1 import sync_service_pb2 as pb
from omega.threshold.v1 import keys_pb2
from omega_client import RandomnessClient, RelayClient, SyncClient
from omega_rpc.dpop import Prover
from omega_threshold import (
    EpochKeys,
    Evaluation,
    Pair,
    Report,
    ReportingKeys,
    ReportRequest,
    Schedule,
    Token,
    TokenRequest,
)
from omega_threshold.envelope import KeyConfig
from omega_threshold.intake import Outcome, Submission, outcome_of


def told_keys(message: keys_pb2.ReportingKeys) -> ReportingKeys:
    """What a party told."""
    return ReportingKeys(
        message.threshold,
        Schedule(message.epoch_days, message.grace_hours),
        tuple(
            EpochKeys(each.epoch, KeyConfig.decode(each.gateway), each.tokens, each.randomness)
            for each in message.epochs
        ),
    )


@dataclass(frozen=True)
class ReportingTV:
    """One device and whom it calls."""

    sync: SyncClient
    """The operator's door."""
    prover: Prover
    """Its credentials there."""
    randomness: RandomnessClient
    """Gives coins."""
    relay: RelayClient
    """Hands reports on."""

    def keys(self) -> ReportingKeys:
        """What the operator and the relay both tell.

        Raises:
            OmegaError: KEYS_DIFFER.
        """
        told = told_keys(self.sync.get_reporting_keys(credential=self.prover).keys)
        told.check_same(told_keys(self.relay.get_reporting_keys().keys))
        return told

    def tokens(self, count: int, request_id: str = "") -> list[Token]:
        """So many tokens of the newest epoch."""
        keys = self.keys().epochs[-1]
        asked = TokenRequest.drawn(keys.epoch, count)
        request = pb.IssueTokensRequest(
            request_id=request_id or str(uuid.uuid4()),
            epoch=keys.epoch,
            blinded=asked.blinded.elements,
        )
        given = self.sync.issue_tokens(request, credential=self.prover)
        return asked.finalize(Evaluation(tuple(given.evaluated), given.proof), keys.tokens)

    def reports(self, pairs: Sequence[Pair]) -> list[Report]:
        """A report a pair, in the newest epoch."""
        told = self.keys()
        keys = told.epochs[-1]
        asked = ReportRequest.of(keys.epoch, told.threshold, pairs)
        given = self.randomness.evaluate(keys.epoch, asked.blinded.elements)
        return asked.finalize(Evaluation(tuple(given.evaluated), given.proof), keys.randomness)

    def submissions(self, pairs: Sequence[Pair]) -> list[Submission]:
        """Reports with what pays for them."""
        tokens = self.tokens(len(pairs))
        return [Submission(*each) for each in zip(tokens, self.reports(pairs), strict=True)]

    def submit(self, submission: Submission, told: ReportingKeys | None = None) -> Outcome:
        """Sends one through the relay; what the operator says inside its answer.

        It is sealed with the keys of its epoch, as they were told, or are now.
        """
        config = (told or self.keys()).of(submission.report.epoch).gateway
        sent, exchange = submission.sealed(config)
        return outcome_of(exchange, self.relay.forward(sent).encapsulated)
