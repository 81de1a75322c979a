"""Self-tuning of the ranking by the household's own history.

    tuner = Tuner(gather(store, world, viewings, now, last_seq), config)
    while (decision := tuner.step(0.05)) is None:
        ...                                 # make way for a recommendation
    settle(store, decision)

`Watcher.observe` follows the setting in force afterwards and rolls it back when it loses.
"""

from omega_meta_sona.apply import rank_config
from omega_meta_sona.config import TuningConfig
from omega_meta_sona.decision import Decision, Outcome, settle
from omega_meta_sona.index import Probe, SearchProbe, choose_ef
from omega_meta_sona.inputs import TuningInputs, gather
from omega_meta_sona.moments import World
from omega_meta_sona.port import SettingsStore
from omega_meta_sona.timeline import positives, timeline
from omega_meta_sona.tuner import Tuner
from omega_meta_sona.watcher import Later, Watcher, Watching, compare

__all__ = [
    "Decision",
    "Later",
    "Outcome",
    "Probe",
    "SearchProbe",
    "SettingsStore",
    "Tuner",
    "TuningConfig",
    "TuningInputs",
    "Watcher",
    "Watching",
    "World",
    "choose_ef",
    "compare",
    "gather",
    "positives",
    "rank_config",
    "settle",
    "timeline",
]
