"""The cost dashboard begins with the values that `omega capacity` begins with."""

from __future__ import annotations

import re
from dataclasses import asdict

import pytest
from dashboards.source import FOLDER, read

from omega_cli.capacity.inputs import Assumptions, Costs, Inputs, Prices

BOARD = read(FOLDER / "cost.yaml")
PRICES = {price.name: float(price.value) for price in BOARD.prices}


ALIKE = [Inputs.read(Assumptions).values, Inputs.read(Costs).values, Inputs.read(Prices).values]


@pytest.mark.parametrize("held", ALIKE, ids=lambda held: type(held).__name__)
def test_a_value_that_the_capacity_model_has_too_is_the_same(
    held: Assumptions | Costs | Prices,
) -> None:
    values = asdict(held)
    shared = PRICES.keys() & values.keys()
    assert shared, "none has the same name"
    assert {name: PRICES[name] for name in shared} == {name: values[name] for name in shared}


def test_prices_are_numbers_with_a_unit_and_shown() -> None:
    assert all(value > 0 for value in PRICES.values())
    for price in BOARD.prices:
        assert re.search(r"hour|memory|paid|TVs|bytes|watts|vCPUs|kWh", price.label), price.name
