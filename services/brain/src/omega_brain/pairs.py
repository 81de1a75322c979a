"""Reports of pairs as a part of the brain: there where the household chose them, else nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from omega_brain import endpoint
from omega_client import ClientTls
from omega_privacy import Sharing
from omega_rpc.tls import authorities

if TYPE_CHECKING:
    from omega_brain.brain import Brain
    from omega_brain.pair_reporter import PairReporter


class Pairs:
    """Whatever reports pairs for one brain.

    Args:
        brain: whose.

    Raises:
        OmegaError: INVALID_FIELD for a setting whose file cannot be read.
    """

    def __init__(self, brain: Brain) -> None:
        config = brain.config
        chosen = config.sharing == Sharing.THRESHOLD and config.constellation_url
        self.reporter: PairReporter | None = _reporter(brain) if chosen else None
        """What does it; None = nothing is reported."""

    @contextmanager
    def paused(self) -> Iterator[None]:
        """A block during which no report is made or sent."""
        if self.reporter is None:
            yield
        else:
            with self.reporter.paused():
                yield

    def close(self) -> None:
        """Ends a call under way."""
        if self.reporter is not None:
            self.reporter.close()


def _reporter(brain: Brain) -> PairReporter:
    # Loaded where it is needed: other TVs do without the cryptography.
    from omega_brain.pair_calls import PairCalls  # noqa: PLC0415 - as said
    from omega_brain.pair_reporter import PairReporter  # noqa: PLC0415 - as said
    from omega_brain.pair_wishes import LikedHere  # noqa: PLC0415 - as said

    config = brain.config
    relay_at = endpoint.parse(config.relay_url, "relay_url")
    randomness_at = endpoint.parse(config.randomness_url, "randomness_url")
    if relay_at is None or randomness_at is None:
        raise RuntimeError("the settings ask for both")
    # A file of certificates that cannot be read is found at the start.
    authorities("relay_tls_ca", config.relay_tls_ca)
    authorities("randomness_tls_ca", config.randomness_tls_ca)
    calls = PairCalls(
        relay_at=relay_at,
        relay_tls=ClientTls(config.relay_tls_ca),
        randomness_at=randomness_at,
        randomness_tls=ClientTls(config.randomness_tls_ca),
        fleet=brain.syncer,
        means=brain.stores.pair_means,
        clock=brain.clock,
        most=config.pair_bytes_a_day,
    )
    return PairReporter(
        stores=brain.stores,
        clock=brain.clock,
        calls=calls,
        liked=LikedHere(brain),
        allowed=lambda: brain.switches.policy.reports_pairs,
        delay=timedelta(hours=config.share_delay_hours),
        most=config.pair_bytes_a_day,
    )
