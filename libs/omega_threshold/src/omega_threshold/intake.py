"""What a TV submits through a relay, and how the operator takes it.

A submission is a token and a report, always of one length, inside an envelope. So is the answer:
one byte, which the relay cannot read either.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum

from omega_core import validate
from omega_core.errors import ErrorCode, OmegaError, invalid
from omega_threshold.envelope import (
    REQUEST_OVERHEAD,
    RESPONSE_OVERHEAD,
    Exchange,
    Gateway,
    KeyConfig,
    encapsulate,
)
from omega_threshold.report import REPORT_BYTES, Report
from omega_threshold.tokens import TOKEN_BYTES, Redeemer, Token

SUBMISSION_BYTES = TOKEN_BYTES + REPORT_BYTES
"""Length of every submission."""
SENT_BYTES = SUBMISSION_BYTES + REQUEST_OVERHEAD
"""Length of every encapsulated submission."""
ANSWERED_BYTES = 1 + RESPONSE_OVERHEAD
"""Length of every encapsulated answer."""


class Outcome(IntEnum):
    """What became of a submission."""

    TAKEN = 1
    """It is stored, now or since it came before; the TV forgets it."""
    TOKEN_REFUSED = 2
    """Its token is none, or was spent on another report: submit it with another token."""
    EPOCH_CLOSED = 3
    """Its epoch is not open: the report is worth nothing any more."""
    REFUSED = 4
    """It is no submission: a defect, for no other try will do better."""


_OUTCOMES = {
    ErrorCode.TOKEN_REFUSED: Outcome.TOKEN_REFUSED,
    ErrorCode.EPOCH_CLOSED: Outcome.EPOCH_CLOSED,
    ErrorCode.INVALID_FIELD: Outcome.REFUSED,
}


@dataclass(frozen=True)
class Submission:
    """One report and what pays for it."""

    token: Token
    """Of the report's epoch."""
    report: Report
    """What is reported."""

    def __post_init__(self) -> None:
        if self.token.epoch != self.report.epoch:
            raise invalid("token", "of the report's epoch")

    def encode(self) -> bytes:
        """SUBMISSION_BYTES."""
        return self.token.encode() + self.report.encode()

    @classmethod
    def decode(cls, data: bytes) -> Submission:
        """The submission that encode() wrote.

        Raises:
            OmegaError: INVALID_FIELD submission, or the field at fault.
        """
        validate.size("submission", data, SUBMISSION_BYTES)
        return cls(Token.decode(data[:TOKEN_BYTES]), Report.decode(data[TOKEN_BYTES:]))

    def sealed(self, config: KeyConfig) -> tuple[bytes, Exchange]:
        """SENT_BYTES for the relay, and how the answer will be read; anew for each try."""
        return encapsulate(config, self.encode())


def outcome_of(exchange: Exchange, answer: bytes) -> Outcome:
    """What the operator answered.

    Raises:
        OmegaError: INVALID_FIELD encapsulated, or outcome for one of another version.
    """
    told = exchange.open(answer)
    if len(told) != 1 or told[0] not in set(Outcome):
        raise invalid("outcome", "one that is known here")
    return Outcome(told[0])


@dataclass(frozen=True)
class Intake:
    """The operator's side."""

    gateway: Gateway
    """Opens what relays hand on."""
    redeemer: Redeemer
    """Takes tokens."""
    threshold: int
    """How many reports open a pair, for all TVs; reports with another one are refused, for whoever
    chose a lower one would open pairs with fewer tokens."""
    keep: Callable[[Report], None] = field(default=lambda _: None)
    """Stores a report; on the disk when it returns. The same one again changes nothing. Not needed
    where what notes that a token was spent stores the report with it, both or neither."""
    told: Callable[[Outcome], None] = field(default=lambda _: None)
    """Called with what became of each submission, and with nothing else of it."""

    def handle(self, encapsulated: bytes, now: datetime) -> bytes:
        """Takes one submission; ANSWERED_BYTES for the relay.

        A token is spent before its report is kept, and kept again when the same two come again. So
        a crash in between loses nothing: the TV had no answer, and repeats.

        Args:
            encapsulated: as it came.
            now: the time.

        Raises:
            OmegaError: INVALID_FIELD encapsulated for what cannot be read; what `keep` raises.
        """
        data, exchange = self.gateway.decapsulate(encapsulated)
        outcome = self._taken(data, now)
        self.told(outcome)
        return exchange.seal(bytes([outcome]))

    def _taken(self, data: bytes, now: datetime) -> Outcome:
        try:
            submission = Submission.decode(data)
            validate.integer(
                "threshold", submission.report.threshold, self.threshold, self.threshold
            )
            self.redeemer.redeem(submission.token, submission.report.encode(), now)
        except OmegaError as error:
            if error.code not in _OUTCOMES:
                raise
            return _OUTCOMES[error.code]
        self.keep(submission.report)
        return Outcome.TAKEN
