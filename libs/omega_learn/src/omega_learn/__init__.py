"""Collective learning from privatised sketches.

A *refresh* learns from everything: `run()`, or `refresh()` for what later rounds need of it. A
*step* decodes only what changed since, with what the refresh froze, and finds patterns and trends.
"""

from omega_learn import dp
from omega_learn.config import LearnConfig
from omega_learn.decode import Posterior, decode, on_grid
from omega_learn.evidence import Evidence, PairCounts, SketchEvidence, Weighted, combine
from omega_learn.factors import Factors, fit_factors
from omega_learn.fleet import DeviceSketches, Fleet, gather
from omega_learn.kept import Kept, Recent
from omega_learn.news import News
from omega_learn.patterns import GlobalPattern, global_patterns, stable_ids
from omega_learn.prior import estimate_prior
from omega_learn.rises import RiseCounter, Rises, merge_rises
from omega_learn.rotation import Held
from omega_learn.round import (
    Refreshed,
    RoundFigures,
    RoundInput,
    RoundResult,
    refresh,
    run,
)
from omega_learn.rows import DeviceRows, device_rows
from omega_learn.statistics import Statistics, Tally, count_support, merge, summarise, tally
from omega_learn.step import StepInput, Stepped, step
from omega_learn.tastes import Decoder, Expectations, decode_fleet
from omega_learn.trends import EVERYWHERE, Trend, TrendConfig, rising

__all__ = [
    "EVERYWHERE",
    "Decoder",
    "DeviceRows",
    "DeviceSketches",
    "Evidence",
    "Expectations",
    "Factors",
    "Fleet",
    "GlobalPattern",
    "Held",
    "Kept",
    "LearnConfig",
    "News",
    "PairCounts",
    "Posterior",
    "Recent",
    "Refreshed",
    "RiseCounter",
    "Rises",
    "RoundFigures",
    "RoundInput",
    "RoundResult",
    "SketchEvidence",
    "Statistics",
    "StepInput",
    "Stepped",
    "Tally",
    "Trend",
    "TrendConfig",
    "Weighted",
    "combine",
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
    "on_grid",
    "refresh",
    "rising",
    "run",
    "stable_ids",
    "step",
    "summarise",
    "tally",
]
