"""Sends one report of a pair, and takes what the operator says of it."""

from __future__ import annotations

import logging
from datetime import datetime

from omega_brain import pair_metering
from omega_brain.pair_calls import PairCalls, SpentError
from omega_brain.pair_instants import Instants
from omega_brain.stores import Stores
from omega_brain.sync_metering import SUCCEEDED
from omega_client import ServiceError
from omega_core.errors import ErrorCode, OmegaError
from omega_persistence import keys, pair_mark
from omega_persistence.pair_means import ToldKeys
from omega_persistence.pair_reports import PairState, Waiting
from omega_threshold.envelope import KeyConfig
from omega_threshold.intake import Outcome, Submission, outcome_of

_log = logging.getLogger(__name__)
_MOST_REFUSALS = 3
"""Tokens of one report that may be refused; then no other try will do."""


class PairSender:
    """Sends reports, each alone in a call. Not safe for threads.

    Args:
        stores: keeps what became of each.
        calls: reaches the relay.
        instants: draws when one leaves again.
    """

    def __init__(self, stores: Stores, calls: PairCalls, instants: Instants) -> None:
        self._stores = stores
        self._calls = calls
        self._instants = instants
        self._backed_up = 0

    def forget(self) -> None:
        """Forgets what this process knows of batches: the tables were emptied."""
        self._backed_up = 0

    def send(self, waiting: Waiting, told: ToldKeys, now: datetime) -> None:
        """One try, in the same bytes as any before it.

        Raises:
            OmegaError: STORAGE_FULL, STORAGE_UNAVAILABLE: it was not sent, or comes again.
        """
        if waiting.batch > self._backed_up or waiting.refusals:
            # A restore must know of every report that may have left, and hold its bytes and what
            # pays for it: another report of the same pair would count a second time.
            self._stores.database.backup()
            pair_mark.tell(self._stores.database, waiting.batch)
            self._backed_up = waiting.batch
        reports, facts = self._stores.pair_reports, self._stores.pair_means.facts
        sent, exchange = Submission.decode(waiting.token + waiting.report).sealed(
            KeyConfig.decode(told.gateway)
        )
        try:
            answer = self._calls.forward(sent, lambda: reports.begin_try(waiting.titles))
        except SpentError:
            reports.put_off(waiting.titles, self._instants.tomorrow(now))
            return
        except ServiceError as error:
            pair_metering.tried(error.status)
            facts.set(keys.PAIR_SEND_ERROR, str(error)[:256])
            if error.reason == ErrorCode.INVALID_FIELD:
                # Sealed for a key that is not served any more, perhaps.
                facts.set(keys.PAIRS_BLOCKED, "1")
            reports.put_off(waiting.titles, self._instants.again(now))
            return
        try:
            outcome = outcome_of(exchange, answer)
        except OmegaError as error:
            pair_metering.tried(error.code)
            facts.set(keys.PAIR_SEND_ERROR, error.public_text)
            reports.put_off(waiting.titles, self._instants.again(now))
            return
        pair_metering.tried(SUCCEEDED if outcome is Outcome.TAKEN else outcome.name)
        self._take(waiting, outcome, now)

    def _take(self, waiting: Waiting, outcome: Outcome, now: datetime) -> None:
        reports, facts = self._stores.pair_reports, self._stores.pair_means.facts
        match outcome:
            case Outcome.TAKEN:
                reports.end(waiting.titles, PairState.TOLD)
                facts.remove(keys.PAIR_SEND_ERROR)
            case Outcome.TOKEN_REFUSED:
                self._pay_again(waiting, now)
            case Outcome.EPOCH_CLOSED:
                facts.set(keys.PAIR_SEND_ERROR, "the epoch of a report is closed at the fleet")
                facts.set(keys.PAIRS_BLOCKED, "1")
                if waiting.tried:
                    reports.end(waiting.titles, PairState.TOLD)
                else:
                    reports.forget(waiting.titles)
            case Outcome.REFUSED:
                self._refused(waiting, "the fleet takes it for no report")

    def _pay_again(self, waiting: Waiting, now: datetime) -> None:
        reports = self._stores.pair_reports
        if waiting.refusals + 1 >= _MOST_REFUSALS:
            return self._refused(waiting, "its tokens are refused")
        reports.refuse_token(waiting.titles)
        for token in self._stores.pair_means.tokens(waiting.epoch)[:1]:
            reports.pay(waiting.titles, token, self._instants.again(now))
        return None

    def _refused(self, waiting: Waiting, reason: str) -> None:
        _log.error("a report of a pair is dropped: %s", reason)
        self._stores.pair_means.facts.set(keys.PAIR_SEND_ERROR, reason)
        self._stores.pair_reports.end(waiting.titles, PairState.REFUSED)
