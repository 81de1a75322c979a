"""Each kind of fault that was thought of is found, by the rule that is for it."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from k8s_rules import RULES, complaints
from k8s_rules.objects import Object, Render

FAULTS: dict[str, list[dict[str, Any]]] = yaml.safe_load(
    Path(__file__).with_name("faults.yaml").read_text("utf-8")
)


def cases() -> Iterator[Any]:
    for rule, faults in FAULTS.items():
        for fault in faults:
            yield pytest.param(rule, fault, id=f"{rule}: {fault['in']}: {fault['what']}")


@pytest.fixture(scope="module")
def whole(renders: dict[str, Render]) -> tuple[Object, ...]:
    """One render with every kind in it: the fleet's, what staging alone has, and both parties."""
    gateways = renders["staging"].of("Gateway", "TLSRoute", "UDPRoute")
    parties = (*renders["randomness"].objects, *renders["relay"].objects)
    return (*renders["fleet"].objects, *gateways, *parties)


def test_the_whole_is_sound(whole: tuple[Object, ...]) -> None:
    assert complaints(Render("whole", whole)) == []


@pytest.mark.parametrize(("rule", "fault"), list(cases()))
def test_it_is_found(rule: str, fault: dict[str, Any], whole: tuple[Object, ...]) -> None:
    render = Render("broken", copy.deepcopy(whole))
    *way, last = fault["at"]
    place: Any = named(render, fault["in"])
    for step in way:
        place = place[position(place, step)]
    if "put" in fault:
        place[position(place, last)] = fault["put"]
    else:
        del place[position(place, last)]
    assert list(RULES[rule](render)), f"the rule `{rule}` does not see it"


def test_every_rule_has_a_fault_that_it_finds() -> None:
    assert FAULTS.keys() == RULES.keys()


def named(render: Render, where: str) -> Any:
    """An object, or the pod or first container of the Deployment of that name."""
    kind, name = where.split()
    if kind not in {"pod", "container"}:
        found = render.find(kind, name)
        assert found, f"{where} is gone"
        return found
    (work,) = (each for each in render.workloads("Deployment") if each.name == name)
    spec = work.template["spec"]
    return spec if kind == "pod" else spec["containers"][0]


def position(place: Any, step: Any) -> Any:
    """A key or position; NAME= is the position of the item of that name."""
    if not isinstance(step, str) or not step.endswith("="):
        return step
    names = [each["name"] for each in place]
    return names.index(step.removesuffix("="))
