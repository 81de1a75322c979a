"""Numbers of the codec that both sides agree on; docs/codec.md is their normative form."""

from __future__ import annotations

MAGIC = b"OTC1"
"""First bytes of a codebook."""
STEPS = 80
"""Quantiser steps, and spreads for which there is a table."""
SPAN = 31
"""Greatest level with a symbol of its own, less one: that of the ends is followed by more."""
GAINS = 16
"""Gain classes of a kind of vector."""
CENTRE = 56
"""Table of a coefficient of spread 1 under the first step, a quarter; a table more is an eighth of
an octave, a step more a sixteenth."""
POINT = 20
"""Fraction bits of a coefficient."""
MEAN_POINT = 15
"""Fraction bits of the mean vector."""
SCALE_POINT = 16
"""Fraction bits of a basis row's scale."""
START_POINT = 12
"""Fraction bits of the coefficients from which titles are coded."""
MOST_COEFFICIENT = 1 << 22
"""Greatest magnitude of a coefficient, in units of 2^-POINT."""
MOST_SCALED = 1 << 18
"""Greatest sum of a vector's magnitudes of scaled coefficients: 32 bits then hold any component."""
ANCHOR_POINT = 8
"""Fraction bits of an anchor's coefficients."""
MOST_ANCHOR_BITS = 12
"""Greatest binary logarithm of the number of anchors."""
PATTERN, TITLE, UPDATE = range(3)
"""Kinds of vectors: patterns and titles from nothing, and changes of patterns."""
(
    GAP,
    RATE,
    FLOOR,
    WEIGHT,
    RATE_CHANGE,
    FLOOR_CHANGE,
    WEIGHT_CHANGE,
    ESCAPE,
    TREND_GAP,
    TITLE_GAP,
) = range(10)
"""Tables of numbers."""
NUMBERS = 10
"""How many those are."""
CHANGED, REPLACED, REMOVED = range(3)
"""What becomes of a pattern of the base."""
OPERATIONS = 3
"""How many those are."""
RATES = 128
"""Steps of a success rate."""
MOST_FLOOR = 31
"""Greatest binary logarithm of a number of devices."""
MOST_WEIGHT = 137
"""Class of weight 1; docs/codec.md lists them."""
SCORES = 64
"""Steps of a trend's score."""
FIRST_RATE, FIRST_FLOOR, FIRST_WEIGHT = 64, 2, 80
"""Classes from which the first pattern of a payload differs."""
MAX_PATTERNS = 4_096
"""Most patterns a state."""
MAX_TITLES = 1_024
"""Most new titles a payload."""
MAX_PAYLOAD = 65_536
"""Largest payload, in bytes."""
