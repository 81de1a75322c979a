"""Holding a converted model to the float32 weights it was made from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from omega_embed.bert import Bert, embed
from omega_embed.minilm import MiniLmEncoder
from omega_embed.recipe import MIN_MEAN_COSINE, Recipe
from omega_embed.sentences import sentences
from omega_embed.source import refused
from omega_embed.store import Fidelity

SENTENCES = 200
"""Sentences compared."""
SEED = 20_240
"""Of their choice: every install compares the same ones."""


def check(
    recipe: Recipe, weights: Bert, staged: Path, progress: Callable[[float], None]
) -> Fidelity:
    """Compares a staged model, in its runtime, with the plain forward pass of its weights.

    Args:
        recipe: names it.
        weights: float32.
        staged: directory with the model and its tokenizer.
        progress: told the share done, 0 to 1.

    Raises:
        OmegaError: MODEL_REFUSED when the mean cosine is below MIN_MEAN_COSINE.
    """
    encoder = MiniLmEncoder(staged, recipe.model_version)
    texts = sentences(SENTENCES, SEED)
    progress(0.0)
    expected = embed(weights, encoder.tokenise(texts))
    progress(0.5)
    cosines = (encoder.encode(texts) * expected).sum(axis=1)
    progress(1.0)
    mean = float(cosines.mean())
    if not mean >= MIN_MEAN_COSINE:
        raise refused(
            "mean cosine to the float32 weights", f"at least {MIN_MEAN_COSINE}", f"{mean:.4f}"
        )
    return Fidelity(len(texts), mean, float(cosines.min()))
