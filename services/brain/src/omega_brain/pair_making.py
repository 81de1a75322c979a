"""Makes reports of pairs, a batch at a time: tokens first, then coins, then all of it is stored."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from uuid import uuid4

from omega_brain.pair_calls import BATCH, EACH, FORWARD, PairCalls, SpentError
from omega_brain.pair_instants import Instants
from omega_brain.pair_keys import PairKeys, schedule_of
from omega_brain.pair_wishes import Liked, Wish, remain, wishes
from omega_brain.stores import Stores
from omega_client import ServiceError
from omega_core.clock import day_of
from omega_core.errors import ErrorCode, OmegaError
from omega_persistence.pair_means import TokenAsk, ToldKeys
from omega_persistence.pair_reports import Waiting
from omega_threshold import ReportRequest, TokenRequest

MOST = 32
"""Most coins or tokens that are asked for at once."""
MOST_WAITING = 256
"""Most reports that wait."""
_FINAL = frozenset(
    {
        ErrorCode.TOKENS_SPENT,
        ErrorCode.EPOCH_CLOSED,
        ErrorCode.REPORTS_NOT_TAKEN,
        ErrorCode.INVALID_FIELD,
    }
)
"""Refusals after which a request for tokens is not repeated."""


class PairMaker:
    """Makes batches. Not safe for threads.

    Args:
        stores: keeps them.
        calls: asks the parties.
        liked: what the household likes.
        instants: draws when reports leave.
        allowed: whether the household allows it, at this moment.
        most: bytes that a day allows.
    """

    def __init__(
        self,
        stores: Stores,
        calls: PairCalls,
        liked: Liked,
        instants: Instants,
        allowed: Callable[[], bool],
        most: int,
    ) -> None:
        self._stores = stores
        self._calls = calls
        self._keys = PairKeys(stores.pair_means, calls)
        self._liked = liked
        self._instants = instants
        self._allowed = allowed
        self._most = most

    def make(self, now: datetime, *, again: bool) -> int:
        """Makes what this day pays for, at most MOST, and pays for what lost its token.

        Args:
            now: the time.
            again: whether the keys are to be asked for again, though they are known.

        Returns:
            How many reports were made.

        Raises:
            SpentError: the day does not pay for it.
            OmegaError: as PairKeys.current; TOKENS_SPENT, PROOF_REFUSED.
            ServiceError: a party refuses or does not answer.
        """
        reports = self._stores.pair_reports
        likes, known = self._liked.newest(), reports.known()
        unpaid = [each for each in reports.waiting() if not each.token]
        if not (unpaid or again or remain(likes, known)):
            return 0
        told = self._keys.current(now, again=again)
        wished = wishes(likes, known, MOST, told.epoch, self._liked.support)
        unpaid = [each for each in unpaid if each.epoch == told.epoch][:MOST]
        count = self._room(now, told, len(wished), len(unpaid))
        if not (count or unpaid):
            return 0
        tokens = self._tokens(told, count + len(unpaid))
        for each, token in zip(unpaid, tokens, strict=False):
            reports.pay(each.titles, token, self._instants.again(now))
        return self._made(now, told, wished, tokens[len(unpaid) :][:count])

    def _made(self, now: datetime, told: ToldKeys, wished: list[Wish], tokens: list[bytes]) -> int:
        chosen = wished[: len(tokens)]
        if not chosen:
            return 0
        request = ReportRequest.of(told.epoch, told.threshold, [each.pair for each in chosen])
        answer = self._calls.evaluate(told.epoch, request.blinded.elements)
        made = request.finalize(answer, told.randomness)
        if not self._allowed():
            return 0
        closes = schedule_of(told).closes(told.epoch)
        before = len(self._stores.pair_reports.waiting())
        leave = self._instants.of_batch(now, before, len(made), closes)
        self._stores.pair_reports.add(
            told.epoch,
            [
                (wish.titles, report.encode(), token, at)
                for wish, report, token, at in zip(chosen, made, tokens, leave, strict=True)
            ],
        )
        return len(made)

    def _room(self, now: datetime, told: ToldKeys, wished: int, unpaid: int) -> int:
        """How many reports can be made now."""
        means, waiting = self._stores.pair_means, self._stores.pair_reports.waiting()
        due = sum(day_of(each.release_at) == day_of(now) for each in waiting)
        left = self._most - means.spent(now) - due * FORWARD - BATCH - unpaid * EACH
        closes = schedule_of(told).closes(told.epoch)
        # What leaves at once is paid from this day, too; else some of it leaves tomorrow.
        each = EACH if self._instants.delay else EACH + FORWARD
        paid = min(wished, MOST - unpaid, left // each, self._instants.fits(now, closes))
        if wished and paid <= 0:
            raise SpentError
        tokens = means.left(told.epoch)
        if tokens is not None:
            paid = min(paid, tokens + len(means.tokens(told.epoch)) - unpaid)
            if wished and paid <= 0:
                raise OmegaError(ErrorCode.TOKENS_SPENT, bound="share of the")
        return max(0, min(paid, MOST_WAITING - len(waiting)))

    def _tokens(self, told: ToldKeys, need: int) -> list[bytes]:
        """At most `need` tokens of the epoch, in hand."""
        means = self._stores.pair_means
        asked = means.open_ask()
        if asked is not None and asked.epoch != told.epoch:
            means.answered(asked.epoch, [], None)
            asked = None
        missing = need - len(means.tokens(told.epoch))
        if asked is not None:
            request = TokenRequest.again(asked.epoch, asked.nonces, asked.blinds)
        elif missing > 0:
            request = TokenRequest.drawn(told.epoch, missing)
            asked = TokenAsk(str(uuid4()), told.epoch, request.nonces, request.blinded.blinds)
            means.ask(asked)
        else:
            return means.tokens(told.epoch)[:need]
        try:
            answer, left = self._calls.issue(asked, request.blinded.elements)
            tokens = request.finalize(answer, told.tokens)
        except ServiceError as error:
            if error.reason in _FINAL:
                # Where the quota is not known, half as many may still be had.
                spent = error.reason == ErrorCode.TOKENS_SPENT
                means.answered(told.epoch, [], len(asked.nonces) // 2 if spent else None)
            raise
        except OmegaError:
            means.answered(told.epoch, [], None)
            raise
        means.answered(told.epoch, [token.encode() for token in tokens], left)
        return means.tokens(told.epoch)[:need]


def without_token(waiting: list[Waiting]) -> bool:
    """Whether a report waits for another token."""
    return any(not each.token for each in waiting)
