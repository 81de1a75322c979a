"""TVs without a process of their own that report pairs: real cryptography over real sockets."""

from __future__ import annotations

import itertools
import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from google.protobuf.message import Message

from omega.sync.v1 import sync_service_pb2 as pb
from omega_cli.demo.fleet import FleetTv
from omega_client import RandomnessClient, RelayClient, SyncClient
from omega_core.errors import ErrorCode, OmegaError
from omega_testing.reporting import told_keys
from omega_threshold import (
    Evaluation,
    Pair,
    ReportRequest,
    TokenRequest,
)
from omega_threshold.intake import Outcome, Submission, outcome_of
from omega_threshold.published import EpochKeys, ReportingKeys
from omega_threshold.sampling import MOST_LIKES, order

BATCH = 32
"""Coins and tokens that are asked for at once, as a brain does."""


@dataclass(frozen=True)
class Parties:
    """Whom such a TV calls."""

    sync: SyncClient
    """The operator's gateway, as itself: keys and tokens."""
    relay: RelayClient
    """Hands its reports on."""
    randomness: RandomnessClient
    """Gives coins."""


@dataclass
class PairTv:
    """One household's TV under the policy `threshold`."""

    tv: FleetTv
    """Who it is for the operator, and what it watched."""
    sent: list[Pair] = field(default_factory=list)
    """What it has reported, each once."""
    carried: int = 0
    """Bytes of all messages for that, both ways, serialised."""
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    """What the operator answered."""
    _keys: ReportingKeys | None = None

    def pairs(self) -> list[Pair]:
        """All that there is to report of its household, due or not."""
        likes = list(self.tv.likes())[-MOST_LIKES:]
        return [Pair.of(*two) for two in itertools.combinations_with_replacement(likes, 2)]

    def report(self, parties: Parties, most: int, support: Mapping[bytes, float]) -> None:
        """Reports what is due, one by one, first ones first; in seconds here, not days.

        Args:
            parties: whom it calls.
            most: reports that it has sent in the end.
            support: share of each title that the fleet publishes one of, by its key; without any,
                titles alone are due.

        Raises:
            OmegaError: KEYS_DIFFER, PROOF_REFUSED: then nothing more is sent.
            ServiceError: a party refused.
        """
        known, epoch = set(self.sent), self._epoch(parties).epoch
        waiting = order(
            (pair for pair in self.pairs() if pair not in known), epoch=epoch, support=support
        )[: max(0, most - len(known))]
        for begin in range(0, len(waiting), BATCH):
            for pair, submission in self.made(parties, waiting[begin : begin + BATCH]):
                self.outcomes[self.submit(parties, submission)] += 1
                self.sent.append(pair)

    def made(self, parties: Parties, pairs: Sequence[Pair]) -> list[tuple[Pair, Submission]]:
        """Reports of some pairs, each with a token, ready to be sealed."""
        threshold, epoch = self._told(parties).threshold, self._epoch(parties)
        asked = ReportRequest.of(epoch.epoch, threshold, pairs)
        coins = parties.randomness.evaluate(epoch.epoch, asked.blinded.elements)
        reports = asked.finalize(Evaluation(tuple(coins.evaluated), coins.proof), epoch.randomness)
        tokens = TokenRequest.drawn(epoch.epoch, len(pairs))
        request = pb.IssueTokensRequest(
            request_id=str(uuid.uuid4()), epoch=epoch.epoch, blinded=tokens.blinded.elements
        )
        issued = parties.sync.issue_tokens(request, credential=self.tv.credential)
        paid = tokens.finalize(Evaluation(tuple(issued.evaluated), issued.proof), epoch.tokens)
        self._count(coins, request, issued)
        self.carried += sum(len(each) + 2 for each in asked.blinded.elements)
        return [
            (pair, Submission(token, report))
            for pair, token, report in zip(pairs, paid, reports, strict=True)
        ]

    def submit(self, parties: Parties, submission: Submission) -> Outcome:
        """Sends one report through the relay."""
        keys = self._told(parties)
        sent, exchange = submission.sealed(keys.of(submission.report.epoch).gateway)
        answer = parties.relay.forward(sent)
        self.carried += len(sent) + 3
        self._count(answer)
        return outcome_of(exchange, answer.encapsulated)

    def _epoch(self, parties: Parties) -> EpochKeys:
        """Keys of the epoch that it is."""
        keys = self._told(parties)
        return keys.of(keys.schedule.at(datetime.now(UTC)))

    def _told(self, parties: Parties) -> ReportingKeys:
        """What the operator told it, once three parties have said the same."""
        if self._keys is None:
            mine = parties.sync.get_reporting_keys(credential=self.tv.credential).keys
            theirs = parties.relay.get_reporting_keys().keys
            self._count(mine, theirs)
            keys = told_keys(mine)
            keys.check_same(told_keys(theirs))
            epoch = keys.of(keys.schedule.at(datetime.now(UTC)))
            if parties.randomness.get_public_key(epoch.epoch).public_key != epoch.randomness:
                raise OmegaError(ErrorCode.KEYS_DIFFER, field="randomness")
            self._keys = keys
        return self._keys

    def _count(self, *messages: Message) -> None:
        self.carried += sum(message.ByteSize() for message in messages)
