"""How long the sentence model takes for one text, as when a viewer asks for something in words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from omega_cli.bench.corpus import real_texts
from omega_cli.bench.figures import Figure, best, quantile_ms, timed
from omega_cli.bench.plan import Plan
from omega_embed import open_encoder


def measure(plan: Plan) -> dict[str, Figure]:
    """`embed_ms`: the median text of a run, one a call.

    Raises:
        OmegaError: MODEL_UNAVAILABLE.
    """
    texts = real_texts(plan.queries)
    ways = {kind: open_encoder(plan.cache_dir, kind=kind) for kind in (plan.encoder, "lexical")}
    found = {
        kind: best([_median_ms(encoder.encode, texts) for _ in range(plan.runs)])
        for kind, encoder in ways.items()
    }
    return {
        "embed_ms": Figure(found[plan.encoder], "ms", "<= 10", {"by spelling": found["lexical"]})
    }


def _median_ms(encode: Callable[[Sequence[str]], object], texts: Sequence[str]) -> float:
    return quantile_ms([timed(partial(encode, [text])) for text in texts], 0.5)
