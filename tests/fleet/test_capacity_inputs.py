"""Each input has a value, a unit and a source, and users put their own in its place."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from omega_cli.capacity.inputs import Assumptions, Costs, Inputs, Prices
from omega_cli.main import main
from omega_core.errors import ErrorCode, OmegaError


def test_every_input_says_what_it_is_and_where_it_comes_from() -> None:
    for sources in (
        Inputs.read(Costs).sources,
        Inputs.read(Assumptions).sources,
        Inputs.read(Prices).sources,
    ):
        assert all(source.what and source.source for source in sources.values())


def test_measured_costs_name_the_command_that_measures_them() -> None:
    for source in Inputs.read(Costs).sources.values():
        assert source.source.startswith("omega ")


def test_prices_are_marked_as_assumptions() -> None:
    assert all("assumed" in s.source for s in Inputs.read(Prices).sources.values())


def test_a_file_of_ones_own_replaces_what_it_states(tmp_path: Path) -> None:
    path = tmp_path / "prices.toml"
    path.write_text('[egress_gib]\nvalue = 0.5\nsource = "our contract"\n')
    found = Inputs.read(Prices, path)
    assert found.values.egress_gib == 0.5
    assert found.sources["egress_gib"].source == "our contract"
    assert found.values.vcpu_hour == Inputs.read(Prices).values.vcpu_hour


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("[egress", "prices.toml"),
        ("[tax]\nvalue = 1\n", "prices.toml: tax"),
        ("egress_gib = 3\n", "egress_gib"),
        ("[egress_gib]\nprice = 3\n", "egress_gib"),
        ("[egress_gib]\nvalue = true\n", "egress_gib"),
        ('[egress_gib]\nvalue = "free"\n', "egress_gib"),
        ("[egress_gib]\nvalue = -1\n", "egress_gib"),
        ("[egress_gib]\nunit = 3\n", "egress_gib"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path: Path, text: str, field: str) -> None:
    path = tmp_path / "prices.toml"
    path.write_text(text)
    with pytest.raises(OmegaError) as caught:
        Inputs.read(Prices, path)
    assert caught.value.code is ErrorCode.INVALID_FIELD
    assert str(caught.value.field).endswith(field)


def test_the_command_prints_one_object(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["capacity", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [s["scenario"]["tvs"] for s in found["scenarios"]] == [40e6, 400e6, 40e6, 400e6]
    assert found["scenarios"][0]["scenario"]["concurrent"] == 10e6
    assert all(s["bill"]["month"] > 0 for s in found["scenarios"])
    assert set(found["inputs"]) == {"costs", "assumptions", "prices"}


def test_the_command_shows_results_claims_and_every_input(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "240")
    assert main(["capacity"]) == 0
    shown = capsys.readouterr().out
    for name in (*Inputs.read(Costs).sources, *Inputs.read(Prices).sources):
        assert name in shown
    assert "cost a TV and month" in shown
    assert "A24" in shown


def test_a_file_that_is_not_there_is_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["capacity", "--prices", str(tmp_path / "none.toml")]) == 1
    assert "none.toml" in capsys.readouterr().err
