"""A release says by one command which images run, and a render without digests is refused."""

from __future__ import annotations

import copy
from pathlib import Path

import k8s_release
import pytest
import yaml
from image_names import ImageName
from k8s_rules import complaints
from k8s_rules.combinations import RELEASED, RENDERED
from k8s_rules.objects import Object, Render
from k8s_rules.trust import images, pinned

DIGESTS = {
    name: f"registry.example/tv/{name}@sha256:{str(n) * 64}"
    for n, name in enumerate(
        [
            "omega-sync",
            "omega-constellation",
            "omega-federation-worker",
            "omega-console",
            "opentelemetry-collector-contrib",
        ],
        1,
    )
} | {"postgresql": f"ghcr.io/cloudnative-pg/postgresql:18-standard-trixie@sha256:{'a' * 64}"}


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("omega-sync", ("", "omega-sync", "", "")),
        ("localhost/omega-sync:0.5.0", ("localhost/", "omega-sync", "0.5.0", "")),
        ("r.example:5000/tv/omega-sync", ("r.example:5000/tv/", "omega-sync", "", "")),
        ("r:5000/postgresql:18@sha256:ab", ("r:5000/", "postgresql", "18", "sha256:ab")),
    ],
)
def test_a_name_is_read_in_its_parts(text: str, parts: tuple[str, ...]) -> None:
    found = ImageName.read(text)
    assert (found.place, found.name, found.tag, found.digest) == parts
    assert str(found) == text
    assert found.repository == parts[0] + parts[1]


def released(render: Render, component: Object) -> Render:
    """A render as kustomize makes it with the component of a release, whatever it ran before."""
    made = Render(render.name, copy.deepcopy(render.objects))
    given = {
        ImageName.read(each["name"]).name: f"{each['newName']}@{each['digest']}"
        for each in component["images"]
    }
    for work in made.workloads():
        for container in work.containers:
            container["image"] = given[ImageName.read(container["image"]).name]
    for patch in component["patches"]:
        (step,) = yaml.safe_load(patch["patch"])
        for each in made.of(patch["target"]["kind"]):
            *way, last = step["path"].strip("/").split("/")
            place = each
            for key in way:
                place = place[key]
            place[last] = step["value"]
    return made


@pytest.mark.parametrize("name", RELEASED)
def test_a_render_without_digests_is_refused(
    name: str, renders: dict[str, Render], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    render = renders[name]
    loose = {image for image in images(render) if "@sha256:" not in image}
    said = list(pinned(render))
    for image in loose:
        assert f"image {image}: no digest" in said
    path = tmp_path / f"{name}.yaml"
    text = (RENDERED / path.name).read_text("utf-8")
    path.write_text(text.replace("@sha256:", ":was-"), "utf-8")
    assert k8s_release.main(["--check", str(path)]) == 1
    assert "no digest" in capsys.readouterr().out


@pytest.mark.parametrize("name", RELEASED)
def test_with_every_digest_it_passes(name: str, renders: dict[str, Render], tmp_path: Path) -> None:
    text = k8s_release.component("0.5.0", list(DIGESTS.values()), k8s_release.wanted())
    made = released(renders[name], yaml.safe_load(text))
    assert list(pinned(made)) == []
    assert complaints(made) == []
    path = tmp_path / "production.yaml"
    path.write_text(yaml.safe_dump_all(made.objects), "utf-8")
    assert k8s_release.main(["--check", str(path)]) == 0


def test_every_image_of_a_render_is_asked_for(renders: dict[str, Render]) -> None:
    names = {ImageName.read(image).name for each in RELEASED for image in images(renders[each])}
    assert names == k8s_release.wanted().keys()


def test_each_release_migrates_by_a_job_of_its_own() -> None:
    names = set()
    for digit in "12":
        given = {**DIGESTS, "omega-constellation": f"r/omega-constellation@sha256:{digit * 64}"}
        made = yaml.safe_load(
            k8s_release.component("0.5.0", list(given.values()), k8s_release.wanted())
        )
        (step,) = yaml.safe_load(made["patches"][0]["patch"])
        names.add(step["value"])
    assert names == {"migrate-1111111111", "migrate-2222222222"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"omega-sync": None}, "without a digest: omega-sync"),
        ({"omega-sync": "r/omega-sync:0.5.0"}, "is not IMAGE@sha256:DIGEST"),
        ({"omega-sync": "r/omega-sync@sha256:12"}, "is not IMAGE@sha256:DIGEST"),
        ({"other": f"r/other@sha256:{'1' * 64}"}, "no manifest runs other"),
        ({"twice": f"q/omega-sync@sha256:{'1' * 64}"}, "stands twice"),
        ({"postgresql": f"r/postgresql@sha256:{'1' * 64}"}, "by the tag"),
    ],
)
def test_a_release_names_every_image_once_and_by_digest(
    change: dict[str, str | None], said: str
) -> None:
    given = [each for each in {**DIGESTS, **change}.values() if each]
    with pytest.raises(ValueError, match=said):
        k8s_release.component("0.5.0", given, k8s_release.wanted())


def test_the_command_writes_what_kustomize_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(k8s_release, "RELEASE", tmp_path / "kustomization.yaml")
    assert k8s_release.main(["0.5"]) == 2
    assert k8s_release.main(["0.5.0", DIGESTS["omega-sync"]]) == 1
    assert "without a digest" in capsys.readouterr().err
    assert k8s_release.main(["0.5.0", *DIGESTS.values()]) == 0
    made = yaml.safe_load((tmp_path / "kustomization.yaml").read_text("utf-8"))
    assert {each["name"] for each in made["images"]} >= {"localhost/omega-sync"}
    assert made["labels"][0]["pairs"] == {"app.kubernetes.io/version": "0.5.0"}
