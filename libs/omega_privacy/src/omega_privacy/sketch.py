"""Privatised 1-bit sketches: 48 bytes that stand for one liked title.

    sketch = signs(e + sigma / sqrt(384) * noise),  noise ~ N(0, 1)^384

e is the title's centred unit embedding. One-bit quantisation after Gaussian dither keeps the angle
between vectors in expectation (Boufounos & Baraniuk 2008). The noise is drawn once a title and
kept by the caller: were it redrawn, averaging repeated reports would remove it (memoisation as in
RAPPOR, Erlingsson, Pihur & Korolova 2014).
"""

from __future__ import annotations

import math

import numpy as np

from omega_core import validate
from omega_core.errors import invalid
from omega_core.limits import DIMENSION, SKETCH_BYTES
from omega_core.vectors import FloatArray
from omega_privacy.policy import SketchPolicy
from omega_privacy.secure import secure_normal

_UNIT_TOLERANCE = 1e-3


def draw_noise() -> FloatArray:
    """Fresh standard normal noise for one title, float32 (384,).

    Drawn by secure_normal. Store it with the title; never redraw.
    """
    return secure_normal(DIMENSION).astype(np.float32)


def make_sketch(centred: FloatArray, noise: FloatArray, policy: SketchPolicy) -> bytes:
    """The sketch of one title, 48 bytes.

    Bit i stands in byte i // 8, most significant first; 1 = noisy component >= 0.

    Args:
        centred: centred unit embedding (omega_core.vectors.centre), float32 (384,).
        noise: what draw_noise gave for this title, float32 (384,).
        policy: gives sigma.

    Raises:
        OmegaError: INVALID_FIELD when an array has another shape or is not finite, when `centred`
            is not of norm 1 (a longer vector drowns the noise), or when the policy lets nothing
            leave.
    """
    if not policy.leaves:
        raise invalid("consent", "true before a sketch is made, and the policy one that sends")
    signal = validate.vector("centred", centred, DIMENSION)
    if abs(float(np.linalg.norm(signal)) - 1.0) > _UNIT_TOLERANCE:
        raise invalid("centred", "a vector of norm 1")
    dither = validate.vector("noise", noise, DIMENSION)
    noisy = signal + np.float32(policy.sigma / math.sqrt(DIMENSION)) * dither
    return np.packbits(noisy >= 0).tobytes()


def unpack_sketches(data: bytes, field: str = "sketches") -> FloatArray:
    """Sketches laid end to end as float32 (n, 384) of -1 and +1; n = len(data) / 48, may be 0.

    Raises:
        OmegaError: INVALID_FIELD that names `field` when the length is not a multiple of 48.
    """
    if len(data) % SKETCH_BYTES:
        raise invalid(field, f"a multiple of {SKETCH_BYTES} bytes")
    bits = np.unpackbits(np.frombuffer(data, np.uint8)).reshape(-1, DIMENSION)
    return bits.astype(np.float32) * np.float32(2) - np.float32(1)
