"""The same reports through the real cryptography, all parties in one process."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from omega_eval.threshold.reporting import BATCH, Likes, Told
from omega_threshold import (
    Aggregator,
    KeyRing,
    Pair,
    Redeemer,
    ReportRequest,
    Schedule,
    SecretKey,
    SpentTokens,
    TokenRequest,
    evaluate,
)
from omega_threshold.envelope import Gateway
from omega_threshold.intake import Intake, Outcome, Submission, outcome_of
from omega_threshold.oprf import Blinded, Evaluation

_FIRST = 730
"""Epoch of the first day; those of the study count from 0."""


@dataclass(frozen=True)
class Real:
    """What came of it."""

    counts: Counter[Pair]
    """Reports of each open pair."""
    reports: int
    """That were taken."""
    bytes_moved: int
    """Between TVs and all servers, there and back."""
    sealed: int
    """Reports in groups of the last epoch that are not open."""


def through_everything(
    likes: Likes,
    told: Told,
    threshold: int,
    folder: Path,
    advance: Callable[[int], None] = lambda _: None,
) -> Real:
    """Has every report made, paid, sealed, taken and counted.

    Coins by the randomness server's key of the epoch and tokens by the operator's, with proofs;
    sealed for the operator's gateway; tokens spent on the disk; opened from shares. What is sealed
    when its epoch closes is forgotten.

    Args:
        likes: whose pairs `told` numbers.
        told: the reports.
        threshold: reports that open a pair.
        folder: where keys and spent tokens lie, an empty one.
        advance: called with how many reports went.

    Raises:
        RuntimeError: a report was not taken.
    """
    schedule = Schedule(days=told.epoch_days)
    with ExitStack() as stack:
        coins, tokens = (
            stack.enter_context(KeyRing(folder / name, name, schedule))
            for name in ("coins", "tokens")
        )
        spent = stack.enter_context(SpentTokens(folder / "spent"))
        line = _Line(coins, tokens, spent, threshold)
        for epoch, household, codes in _asked(told):
            line.send(epoch, household, [likes.pair(code) for code in codes])
            advance(len(codes))
        return line.result()


def _asked(told: Told) -> Iterator[tuple[int, int, list[int]]]:
    """Epoch, household and its reports, as many as it asks for at a time, in order of epochs."""
    found: dict[tuple[int, int], list[int]] = defaultdict(list)
    columns = (told.epochs.tolist(), told.households.tolist(), told.codes.tolist())
    for epoch, household, code in zip(*columns, strict=True):
        found[epoch, household].append(code)
    for (epoch, household), codes in sorted(found.items()):
        for begin in range(0, len(codes), BATCH):
            yield epoch, household, codes[begin : begin + BATCH]


class _Line:
    """All parties."""

    def __init__(self, coins: KeyRing, tokens: KeyRing, spent: SpentTokens, threshold: int) -> None:
        self._coins, self._tokens, self._threshold = coins, tokens, threshold
        self._aggregator = Aggregator()
        self._gateway = Gateway({1: os.urandom(32)})
        self._config = self._gateway.config(1)
        redeemer = Redeemer(tokens, spent)
        self._intake = Intake(self._gateway, redeemer, threshold, self._aggregator.add)
        self._epoch = -1
        self._moved = self._taken = 0

    def send(self, epoch: int, household: int, pairs: Sequence[Pair]) -> None:
        """Reports of a household in the middle of an epoch."""
        if epoch != self._epoch:
            self._close()
        self._epoch, numbered = epoch, epoch + _FIRST
        now = self._coins.schedule.ends(numbered) - timedelta(hours=12)
        asked = ReportRequest.of(numbered, self._threshold, pairs)
        key = self._coins.key(numbered, now)
        reports = asked.finalize(self._answered(key, asked.blinded), key.public)
        wanted = TokenRequest.drawn(numbered, len(pairs))
        key = self._tokens.key(numbered, now)
        paid = wanted.finalize(self._answered(key, wanted.blinded), key.public)
        for token, report in zip(paid, reports, strict=True):
            sent, exchange = Submission(token, report).sealed(self._config)
            answer = self._intake.handle(sent, now)
            outcome = outcome_of(exchange, answer)
            if outcome is not Outcome.TAKEN:
                raise RuntimeError(f"a report of household {household} ended as {outcome.name}")
            self._moved += len(sent) + len(answer)
            self._taken += 1

    def _answered(self, key: SecretKey, blinded: Blinded) -> Evaluation:
        answer = evaluate(key, blinded.elements)
        self._moved += sum(map(len, blinded.elements)) + sum(map(len, answer.elements))
        self._moved += len(answer.proof)
        return answer

    def _close(self) -> None:
        """Opens what can be opened, and forgets the rest of the epoch."""
        self._aggregator.counts()
        self._aggregator.forget(self._epoch + _FIRST)

    def result(self) -> Real:
        """After the last report."""
        counts = self._aggregator.counts()
        return Real(counts, self._taken, self._moved, self._aggregator.sealed)
