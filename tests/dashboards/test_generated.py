"""The committed dashboards are what their sources give, and Grafana can read them."""

from __future__ import annotations

from typing import Any

import pytest
from dashboards import queries
from dashboards.grafana import render
from dashboards.source import FOLDER, read, read_all

SIX = {"brain", "cost", "database", "federation", "fleet", "sync"}
BOARDS = queries.dashboards()
each_board = pytest.mark.parametrize("name", sorted(BOARDS))


def _panels(name: str) -> list[dict[str, Any]]:
    return [panel for panel in BOARDS[name]["panels"] if panel["type"] != "row"]


def test_there_are_the_six() -> None:
    assert BOARDS.keys() == read_all().keys() == SIX


@each_board
def test_the_committed_text_is_what_the_source_gives(name: str) -> None:
    committed = (queries.DASHBOARDS / f"{name}.json").read_text("utf-8")
    assert committed == render(read(FOLDER / f"{name}.yaml")), "run make dashboards"


def test_no_two_dashboards_share_an_address() -> None:
    assert len({board["uid"] for board in BOARDS.values()}) == len(BOARDS)
    assert len({board["title"] for board in BOARDS.values()}) == len(BOARDS)


@each_board
def test_panels_lie_on_the_grid_and_none_on_another(name: str) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in BOARDS[name]["panels"]:
        place = panel["gridPos"]
        assert place["x"] >= 0
        assert place["x"] + place["w"] <= 24
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        taken |= cells
    ids = [panel["id"] for panel in BOARDS[name]["panels"]]
    assert len(set(ids)) == len(ids)


@each_board
def test_every_panel_says_what_to_do_when_it_looks_wrong(name: str) -> None:
    for panel in _panels(name):
        shows, found, wrong = panel["description"].partition("\n\n**When it looks wrong:** ")
        assert found, panel["title"]
        assert len(shows) > 10, panel["title"]
        assert len(wrong) > 20, panel["title"]


@each_board
def test_every_panel_has_a_unit_a_source_and_queries_with_letters(name: str) -> None:
    for panel in _panels(name):
        assert panel["datasource"] == {"type": "prometheus", "uid": "${source}"}
        assert panel["fieldConfig"]["defaults"]["unit"]
        letters = [target["refId"] for target in panel["targets"]]
        assert letters == list("ABCDEFGH")[: len(letters)]
        assert letters


@each_board
def test_who_looks_can_choose_namespace_and_region(name: str) -> None:
    variables = {each["name"]: each for each in BOARDS[name]["templating"]["list"]}
    assert variables["source"]["type"] == "datasource"
    for choice in ("namespace", "region"):
        assert variables[choice]["current"]["value"] == "$__all"
        assert variables[choice]["allValue"] == ".*"


def test_what_is_of_shards_can_be_narrowed_down_to_one() -> None:
    for name in ("fleet", "database"):
        assert "shard" in {each["name"] for each in BOARDS[name]["templating"]["list"]}


@each_board
def test_every_choice_and_price_is_used(name: str) -> None:
    text = " ".join(t["expr"] for panel in _panels(name) for t in panel["targets"])
    for variable in BOARDS[name]["templating"]["list"]:
        if variable["type"] != "datasource":
            assert f"${variable['name']}" in text, variable["name"]


def test_times_are_shown_as_median_and_99th_percentile() -> None:
    for name in ("sync", "database", "brain", "federation"):
        text = " ".join(t["expr"] for panel in _panels(name) for t in panel["targets"])
        assert "histogram_quantile(0.5," in text
        assert "histogram_quantile(0.99," in text


@pytest.mark.parametrize("fault", ["unit: seconds\n", "kind: pie\n", "colour: red\n"])
def test_a_source_with_a_word_that_means_nothing_is_refused(fault: str, tmp_path: Any) -> None:
    path = tmp_path / "bad.yaml"
    text = (FOLDER / "fleet.yaml").read_text("utf-8")
    changed = {
        "unit: seconds\n": text.replace("unit: seconds\n", "unit: fortnights\n", 1),
        "kind: pie\n": text.replace("kind: stat\n", "kind: pie\n", 1),
        "colour: red\n": text.replace("kind: stat\n", "kind: stat\n      colour: red\n", 1),
    }[fault]
    assert changed != text
    path.write_text(changed, "utf-8")
    with pytest.raises((TypeError, ValueError)):
        read(path)
