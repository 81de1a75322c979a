"""Figures of the brain at 10,000 titles: real processes, real gRPC, a real disk, real vectors."""

from __future__ import annotations

from collections.abc import Callable

from omega_cli.bench import encoding, search, serving
from omega_cli.bench.figures import Figure
from omega_cli.bench.plan import Plan


def measure(plan: Plan, say: Callable[[str], None]) -> dict[str, Figure]:
    """Every figure; `say` hears what is being done.

    Raises:
        OmegaError: MODEL_UNAVAILABLE, or INVALID_FIELD that names OMEGA_DATA.
        PeersError: the peers of the search are missing or failed.
    """
    say("vector search, beside its peers")
    found = search.measure(plan)  # first: what it needs may be missing
    say("the sentence model, a text a call")
    found |= encoding.measure(plan)
    return {**serving.measure(plan, say), **found}
