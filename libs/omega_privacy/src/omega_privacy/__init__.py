"""Privatised sketches with memoised noise."""

from omega_privacy.classes import (
    class_byte,
    count_class,
    count_value,
    rate_class,
    rate_value,
    split_class_byte,
)
from omega_privacy.policy import SketchPolicy
from omega_privacy.sketch import draw_noise, make_sketch, unpack_sketches
from omega_privacy.theory import expected_cosine, flip_probability, sharpness

__all__ = [
    "SketchPolicy",
    "class_byte",
    "count_class",
    "count_value",
    "draw_noise",
    "expected_cosine",
    "flip_probability",
    "make_sketch",
    "rate_class",
    "rate_value",
    "sharpness",
    "split_class_byte",
    "unpack_sketches",
]
