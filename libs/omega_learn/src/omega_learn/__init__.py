"""Collective learning from privatised sketches."""

from omega_learn import dp
from omega_learn.decode import Posterior, decode
from omega_learn.factors import Factors, fit_factors
from omega_learn.fleet import DeviceSketches, Fleet, gather
from omega_learn.patterns import GlobalPattern, global_patterns, stable_ids
from omega_learn.prior import estimate_prior
from omega_learn.rises import RiseCounter, Rises, merge_rises
from omega_learn.round import (
    LearnConfig,
    RoundFigures,
    RoundInput,
    RoundResult,
    run,
)
from omega_learn.rows import DeviceRows, device_rows
from omega_learn.statistics import Statistics, count_support, merge, summarise
from omega_learn.tastes import Expectations, decode_fleet
from omega_learn.trends import EVERYWHERE, Trend, TrendConfig, rising

__all__ = [
    "EVERYWHERE",
    "DeviceRows",
    "DeviceSketches",
    "Expectations",
    "Factors",
    "Fleet",
    "GlobalPattern",
    "LearnConfig",
    "Posterior",
    "RiseCounter",
    "Rises",
    "RoundFigures",
    "RoundInput",
    "RoundResult",
    "Statistics",
    "Trend",
    "TrendConfig",
    "count_support",
    "decode",
    "decode_fleet",
    "device_rows",
    "dp",
    "estimate_prior",
    "fit_factors",
    "gather",
    "global_patterns",
    "merge",
    "merge_rises",
    "rising",
    "run",
    "stable_ids",
    "summarise",
]
