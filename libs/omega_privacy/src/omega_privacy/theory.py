"""What a sketch tells about the vector behind it, in closed form."""

from __future__ import annotations

import math

import numpy as np

from omega_core.limits import DIMENSION
from omega_core.vectors import FloatArray


def flip_probability(centred: FloatArray, sigma: float) -> FloatArray:
    """Chance that each bit differs from the sign of its component: Phi(-sqrt(384) |e| / sigma).

    Args:
        centred: unit vectors, float32 (..., 384).
        sigma: noise scale, greater than 0.

    Returns:
        float32 of the same shape, 0 to 0.5.
    """
    scale = math.sqrt(DIMENSION / 2.0) / sigma
    erfc = np.vectorize(math.erfc, otypes=[np.float32])
    return np.asarray(0.5 * erfc(scale * np.abs(centred)), np.float32)


def expected_cosine(sigma: float) -> float:
    """Mean cosine of a sketch with its own vector, for vectors without a preferred direction.

    sqrt(2 / pi) / sqrt(1 + sigma^2): the correlation of a normal variable with the sign of itself
    plus sigma times another (Price's theorem, as in Boufounos & Baraniuk 2008).
    """
    return math.sqrt(2.0 / math.pi) / math.sqrt(1.0 + sigma * sigma)


def sharpness(sigma: float) -> float:
    """Factor k of the decoder's posterior: r(title | sketch) ~ prior * exp(k * cos(sketch, title)).

    k = sqrt(2 / pi) * 384 * sqrt(1 + sigma^2) / sigma^2: the log-likelihood ratio of normal
    cosines with mean expected_cosine(sigma) (deconvolution, Agrawal & Aggarwal 2001).
    """
    return math.sqrt(2.0 / math.pi) * DIMENSION * math.sqrt(1.0 + sigma * sigma) / (sigma * sigma)
