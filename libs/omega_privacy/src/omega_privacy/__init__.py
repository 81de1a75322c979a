"""Privatised sketches with memoised noise, policies, and what they formally guarantee."""

from omega_privacy.accountant import (
    Account,
    account,
    bits_bound,
    composed,
    delta_of,
    epsilon_of,
    epsilon_zcdp,
    sketch_mu,
)
from omega_privacy.classes import (
    Detail,
    class_byte,
    coarsened,
    count_class,
    count_value,
    rate_class,
    rate_value,
    split_class_byte,
)
from omega_privacy.policy import Sharing, SketchPolicy
from omega_privacy.response import honesty, noise_variance, respond, unbiased
from omega_privacy.secure import draw_delay, secure_normal
from omega_privacy.sketch import draw_noise, make_sketch, unpack_sketches
from omega_privacy.theory import expected_cosine, flip_probability, sharpness

__all__ = [
    "Account",
    "Detail",
    "Sharing",
    "SketchPolicy",
    "account",
    "bits_bound",
    "class_byte",
    "coarsened",
    "composed",
    "count_class",
    "count_value",
    "delta_of",
    "draw_delay",
    "draw_noise",
    "epsilon_of",
    "epsilon_zcdp",
    "expected_cosine",
    "flip_probability",
    "honesty",
    "make_sketch",
    "noise_variance",
    "rate_class",
    "rate_value",
    "respond",
    "secure_normal",
    "sharpness",
    "sketch_mu",
    "split_class_byte",
    "unbiased",
    "unpack_sketches",
]
