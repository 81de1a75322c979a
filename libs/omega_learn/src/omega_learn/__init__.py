"""Collective learning from privatised sketches.

A *refresh* learns from everything: `run()`, or `refresh()` for what later rounds need of it. A
*step* decodes only what changed since, with what the refresh froze, and finds patterns and trends.
"""

from omega_learn import dp
from omega_learn.config import LearnConfig
from omega_learn.decode import Posterior, decode, on_grid
from omega_learn.evidence import Evidence, PairCounts, SketchEvidence, Weighted, combine
from omega_learn.factors import Factors, fit_factors
from omega_learn.fleet import DeviceSketches, Fleet, fleets, gather
from omega_learn.kept import Kept, Recent
from omega_learn.news import News
from omega_learn.opened import OpenedPairs, opened_pairs
from omega_learn.partials import Census, Joined, Partial, Sums
from omega_learn.parts import Blocks, CountedPart, RefreshPart, StepPart
from omega_learn.patterns import GlobalPattern, global_patterns, stable_ids
from omega_learn.phases import Desk, Phase, Together
from omega_learn.prior import estimate_prior
from omega_learn.rises import RiseCounter, Rises, large_regions, merge_rises
from omega_learn.rotation import Held
from omega_learn.round import (
    Refreshed,
    RefreshLead,
    RoundFigures,
    RoundInput,
    RoundResult,
    lead_refresh,
    refresh,
    run,
)
from omega_learn.rows import DeviceRows, device_rows
from omega_learn.sample import Sample
from omega_learn.statistics import Statistics, Tally, count_support, merge, summarise, tally
from omega_learn.step import StepInput, StepLead, Stepped, lead_step, step
from omega_learn.tastes import Decoder, Expectations, decode_fleet
from omega_learn.trends import EVERYWHERE, Trend, TrendConfig, rising

__all__ = [
    "EVERYWHERE",
    "Blocks",
    "Census",
    "CountedPart",
    "Decoder",
    "Desk",
    "DeviceRows",
    "DeviceSketches",
    "Evidence",
    "Expectations",
    "Factors",
    "Fleet",
    "GlobalPattern",
    "Held",
    "Joined",
    "Kept",
    "LearnConfig",
    "News",
    "OpenedPairs",
    "PairCounts",
    "Partial",
    "Phase",
    "Posterior",
    "Recent",
    "RefreshLead",
    "RefreshPart",
    "Refreshed",
    "RiseCounter",
    "Rises",
    "RoundFigures",
    "RoundInput",
    "RoundResult",
    "Sample",
    "SketchEvidence",
    "Statistics",
    "StepInput",
    "StepLead",
    "StepPart",
    "Stepped",
    "Sums",
    "Tally",
    "Together",
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
    "fleets",
    "gather",
    "global_patterns",
    "large_regions",
    "lead_refresh",
    "lead_step",
    "merge",
    "merge_rises",
    "on_grid",
    "opened_pairs",
    "refresh",
    "rising",
    "run",
    "stable_ids",
    "step",
    "summarise",
    "tally",
]
