"""A world without servers for TVs that are only a state machine."""

from __future__ import annotations

import numpy as np
import pytest

from omega_cli.fleet.device import Setting
from omega_cli.fleet.homes import Homes
from omega_core.vectors import unit
from omega_eval.sample import load_sample
from omega_eval.tvlike_world import tv_world
from omega_privacy import SketchPolicy


@pytest.fixture(scope="session")
def homes() -> Homes:
    """Households over the sample's titles."""
    return Homes(tv_world(load_sample(), 1), 1)


@pytest.fixture(scope="session")
def setting(homes: Homes) -> Setting:
    """What TVs share; the vectors of titles are random."""
    count = len(homes.world.contents)
    rows = np.random.default_rng(0).standard_normal((count, 384)).astype(np.float32)
    return Setting(homes, unit(rows), "lexical-384-r1", SketchPolicy.default(), "test")
