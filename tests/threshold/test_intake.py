"""What TVs submit through relays: taken once, refused for a reason, all alike from outside."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from omega_core.errors import ErrorCode, OmegaError
from omega_threshold import (
    KeyRing,
    Pair,
    Redeemer,
    Report,
    Schedule,
    Sealing,
    SpentTokens,
    Token,
    TokenRequest,
    evaluate,
)
from omega_threshold.envelope import Exchange, Gateway, encapsulate
from omega_threshold.intake import (
    ANSWERED_BYTES,
    SENT_BYTES,
    SUBMISSION_BYTES,
    Intake,
    Outcome,
    Submission,
    outcome_of,
)

NOW = datetime(2026, 11, 30, tzinfo=UTC)
EPOCH = Schedule().at(NOW)
PAIR = Pair.of("movie:1", "movie:2")
KEYS = Gateway({3: b"\3" * 32})


@dataclass
class Operator:
    """An intake whose store is a list, and whose next storing may fail."""

    intake: Intake = field(init=False)
    kept: list[Report] = field(default_factory=list)
    fails: int = 0

    def keep(self, report: Report) -> None:
        if self.fails:
            self.fails -= 1
            raise OmegaError(ErrorCode.STORAGE_UNAVAILABLE)
        if report not in self.kept:
            self.kept.append(report)

    def tokens(self, count: int) -> list[Token]:
        request, key = TokenRequest.drawn(EPOCH, count), self.intake.redeemer.keys.key(EPOCH, NOW)
        return request.finalize(evaluate(key, request.blinded.elements), key.public)

    def submit(self, submission: Submission, now: datetime = NOW) -> Outcome:
        sent, exchange = submission.sealed(KEYS.config(3))
        return outcome_of(exchange, self.intake.handle(sent, now))


@pytest.fixture
def operator(ring: KeyRing, tmp_path: Path) -> Iterator[Operator]:
    made = Operator()
    with SpentTokens(tmp_path / "spent") as spent:
        made.intake = Intake(KEYS, Redeemer(ring, spent), 3, made.keep)
        yield made


def report(epoch: int = EPOCH, threshold: int = 3) -> Report:
    return Sealing.of_coins(bytes(64), epoch, threshold).report(PAIR)


@pytest.mark.parametrize("threshold", [2, 4])
def test_nobody_chooses_how_many_reports_open_a_pair(operator: Operator, threshold: int) -> None:
    (token,) = operator.tokens(1)
    submission = Submission(token, report(threshold=threshold))
    assert operator.submit(submission) is Outcome.REFUSED
    assert operator.kept == []


def test_a_submission_is_kept_once_however_often_it_comes(operator: Operator) -> None:
    (token,) = operator.tokens(1)
    submission = Submission(token, report())
    assert [operator.submit(submission) for _ in range(3)] == [Outcome.TAKEN] * 3
    assert operator.kept == [submission.report]


def test_a_token_pays_for_one_report(operator: Operator) -> None:
    (token,) = operator.tokens(1)
    first, second = (Submission(token, report()) for _ in range(2))
    assert operator.submit(first) is Outcome.TAKEN
    assert operator.submit(second) is Outcome.TOKEN_REFUSED
    assert operator.kept == [first.report]


def test_a_report_without_a_token_that_was_given_out_is_not_kept(operator: Operator) -> None:
    forged = Submission(Token(EPOCH, bytes(32), bytes(32)), report())
    assert operator.submit(forged) is Outcome.TOKEN_REFUSED
    assert operator.kept == []


def test_a_closed_epoch_takes_nothing(operator: Operator) -> None:
    (token,) = operator.tokens(1)
    late = Schedule().closes(EPOCH)
    assert operator.submit(Submission(token, report()), late) is Outcome.EPOCH_CLOSED
    assert operator.kept == []


def test_what_was_not_stored_is_not_acknowledged_and_its_token_pays_again(
    operator: Operator,
) -> None:
    (token,) = operator.tokens(1)
    submission, operator.fails = Submission(token, report()), 2
    for _ in range(2):
        with pytest.raises(OmegaError) as failed:
            operator.submit(submission)
        assert failed.value.code is ErrorCode.STORAGE_UNAVAILABLE
    assert operator.submit(submission) is Outcome.TAKEN
    assert operator.kept == [submission.report]


def test_a_token_of_another_epoch_pays_for_no_report(operator: Operator) -> None:
    (token,) = operator.tokens(1)
    with pytest.raises(OmegaError, match="token must be of the report's epoch"):
        Submission(token, report(EPOCH - 1))
    mixed = token.encode() + report(EPOCH - 1).encode()
    sent, exchange = encapsulate(KEYS.config(3), mixed)
    assert outcome_of(exchange, operator.intake.handle(sent, NOW)) is Outcome.REFUSED
    assert operator.kept == []


@pytest.mark.parametrize("data", [b"", bytes(SUBMISSION_BYTES), bytes(SUBMISSION_BYTES + 1)])
def test_what_is_no_submission_is_refused_inside_the_envelope(
    operator: Operator, data: bytes
) -> None:
    sent, exchange = encapsulate(KEYS.config(3), data)
    assert outcome_of(exchange, operator.intake.handle(sent, NOW)) is Outcome.REFUSED


def test_what_cannot_be_read_is_refused_outside(operator: Operator) -> None:
    with pytest.raises(OmegaError, match="encapsulated must be"):
        operator.intake.handle(bytes(SENT_BYTES), NOW)


def test_outcomes_of_all_kinds_look_alike_to_a_relay(operator: Operator) -> None:
    token, other = operator.tokens(2)
    forged = replace(other, mac=bytes(32))
    sent = [Submission(each, report()).sealed(KEYS.config(3))[0] for each in (token, forged)]
    answers = [operator.intake.handle(each, NOW) for each in sent]
    assert {len(each) for each in sent} == {SENT_BYTES} == {241}
    assert {len(each) for each in answers} == {ANSWERED_BYTES} == {33}


@pytest.mark.parametrize("told", [b"", b"\0", b"\5", b"\1\1"])
def test_an_answer_of_another_version_is_refused(told: bytes) -> None:
    exchange = Exchange(bytes(32), bytes(16))
    with pytest.raises(OmegaError, match="outcome must be one that is known here"):
        outcome_of(exchange, exchange.seal(told))
