"""Every committed render keeps every rule."""

from __future__ import annotations

import pytest
from k8s_rules import complaints
from k8s_rules.combinations import COMBINATIONS, K8S, RENDERED
from k8s_rules.objects import Render, at
from k8s_rules.policies import NAMES, OUTSIDE, POSTGRES, allowed, peer

SERVICES = {"sync", "constellation", "federation-worker", "console"}


@pytest.mark.parametrize("name", COMBINATIONS)
def test_nothing_is_wrong_with_it(name: str, renders: dict[str, Render]) -> None:
    assert complaints(renders[name]) == []


def test_every_render_is_of_a_combination() -> None:
    assert {path.stem for path in RENDERED.iterdir()} == set(COMBINATIONS)


def test_every_component_and_overlay_is_rendered_somewhere() -> None:
    made = {path.parent for path in K8S.rglob("kustomization.yaml")}
    reached, waiting = set(), [K8S / folder for folder in COMBINATIONS.values()]
    while waiting:
        folder = waiting.pop().resolve()
        if folder in reached:
            continue
        reached.add(folder)
        text = (folder / "kustomization.yaml").read_text("utf-8")
        for line in text.splitlines():
            below = folder / line.strip().removeprefix("- ")
            if line.startswith("  - ") and below.is_dir():
                waiting.append(below)
    assert made == reached


@pytest.mark.parametrize("name", ["dev", "staging", "production", "fleet"])
def test_the_whole_fleet_is_in_it(name: str, renders: dict[str, Render]) -> None:
    made = {work.name for work in renders[name].workloads("Deployment")}
    assert made >= SERVICES
    assert {each["metadata"]["name"] for each in renders[name].of("HorizontalPodAutoscaler")} == {
        "sync",
        "constellation",
    }


def test_a_shard_lives_in_a_namespace_of_its_own(renders: dict[str, Render]) -> None:
    render = renders["shard-eu-7"]
    spaces = {at(each, "metadata", "namespace") for each in render.objects}
    assert spaces == {None, "omega-tv-eu-7"}
    assert [each["kind"] for each in render.objects if "namespace" not in each["metadata"]] == [
        "Namespace"
    ]


@pytest.mark.parametrize("name", ["dev", "production", "shard-eu-7"])
def test_a_shard_is_called_as_its_constellation_says(name: str, renders: dict[str, Render]) -> None:
    (work,) = (w for w in renders[name].workloads("Deployment") if w.name == "constellation")
    environ = renders[name].environ(work)
    assert work.labels["omega.tv/shard"] == environ["OMEGA_CONSTELLATION_SHARD"]


@pytest.mark.parametrize("name", ["dev", "staging", "production", "shard-eu-7"])
def test_operators_come_by_a_forwarded_port(name: str, renders: dict[str, Render]) -> None:
    """`kubectl port-forward`: what they call is localhost."""
    named = {
        each["spec"]["secretName"]: each["spec"]["dnsNames"]
        for each in renders[name].of("Certificate")
        if each["spec"]["secretName"] in {"constellation-tls", "console-tls"}
    }
    assert "constellation-tls" in named
    assert all("localhost" in hosts for hosts in named.values())


def test_gateways_and_constellations_give_credentials_one_name(
    renders: dict[str, Render],
) -> None:
    names = set()
    for render in renders.values():
        for work in render.workloads("Deployment"):
            environ = render.environ(work)
            names |= {environ.get("OMEGA_CONSTELLATION_FLEET"), environ.get("OMEGA_SYNC_SHARD")}
    assert names == {None, "omega-tv"}


@pytest.mark.parametrize("party", ["randomness", "relay"])
def test_no_policy_of_either_side_lets_another_party_to_postgres(
    party: str, renders: dict[str, Render]
) -> None:
    """Even where all of them live on one cluster, as in a trial."""
    render = renders["threshold"]
    works = {work.name: peer(render, work) for work in render.workloads()}
    mine, database = works[party], works["postgres"]
    assert mine.namespace == f"omega-{party}"
    assert not allowed(render, "egress", mine, database, POSTGRES, "TCP")
    assert not allowed(render, "ingress", database, mine, POSTGRES, "TCP")
    assert allowed(render, "ingress", database, works["constellation"], POSTGRES, "TCP")


def test_who_holds_the_keys_calls_nobody_and_the_relay_the_gateway_alone(
    renders: dict[str, Render],
) -> None:
    render = renders["threshold"]
    works = {work.name: peer(render, work) for work in render.workloads()}
    for name, other in {**works, "names": NAMES, "outside": OUTSIDE}.items():
        for port in (53, 443, 5432, 8443, 50051):
            assert not allowed(render, "egress", works["randomness"], other, port, "TCP")
            goes = allowed(render, "egress", works["relay"], other, port, "TCP")
            assert goes == ((name, port) in {("sync", 50051), ("names", 53)}), (name, port)


def test_rounds_of_a_fleet_are_a_leader_and_a_pod_a_shard(renders: dict[str, Render]) -> None:
    works = {work.name: work for work in renders["fleet"].workloads("CronJob")}
    lead, parts = works["refresh-lead"], works["refresh-parts"]
    assert (lead.main["args"], parts.main["args"]) == (["--lead"], ["--part"])
    assert lead.made_by["spec"]["schedule"] == parts.made_by["spec"]["schedule"]
    assert parts.made_by["spec"]["jobTemplate"]["spec"]["completionMode"] == "Indexed"
    assert not renders["production"].of("CronJob")
