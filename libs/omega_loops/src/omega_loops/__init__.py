"""The seven loops of the TV: when each runs, how long it may, and what it says it changed."""

from omega_loops.config import LoopConfig
from omega_loops.job import Changes, Context, CycleJob, EventJob, YieldReason
from omega_loops.loop import DEADLINE_LOOPS, PERIODIC_LOOPS, Loop
from omega_loops.port import Completed, DueTimes
from omega_loops.report import Outcome, Report
from omega_loops.runner import LoopRunner
from omega_loops.statistics import LoopStatistics
from omega_loops.yielding import RecommendationGate

__all__ = [
    "DEADLINE_LOOPS",
    "PERIODIC_LOOPS",
    "Changes",
    "Completed",
    "Context",
    "CycleJob",
    "DueTimes",
    "EventJob",
    "Loop",
    "LoopConfig",
    "LoopRunner",
    "LoopStatistics",
    "Outcome",
    "RecommendationGate",
    "Report",
    "YieldReason",
]
