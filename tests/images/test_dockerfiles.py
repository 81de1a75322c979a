"""What every Dockerfile holds to."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from images.plan import IMAGES, PREFIX, Image

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy" / "images"
each_image = pytest.mark.parametrize("image", IMAGES.values(), ids=lambda image: image.service)


def _steps(path: Path) -> list[tuple[str, str]]:
    """(instruction, arguments) of each step, continued lines joined."""
    lines = [line for line in path.read_text("utf-8").splitlines() if not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    pairs = (line.partition(" ") for line in joined.splitlines() if line.strip())
    return [(word, rest.strip()) for word, _, rest in pairs]


def _final(path: Path) -> list[tuple[str, str]]:
    steps = _steps(path)
    last = max(n for n, (word, _) in enumerate(steps) if word == "FROM")
    return steps[last:]


@each_image
def test_the_final_stage_only_copies(image: Image) -> None:
    """So nothing of it runs while it is built, and any processor's is made on any other's."""
    final = _final(DEPLOY / image.service / "Dockerfile")
    assert final[0] == ("FROM", "${BASE}")
    assert {word for word, _ in final} <= {
        "ARG", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "LABEL", "USER", "VOLUME",
    }  # fmt: skip
    assert all(rest.startswith("--from=") for word, rest in final if word == "COPY")


@each_image
def test_it_runs_the_console_script_as_a_user_of_its_own(image: Image) -> None:
    final = _final(DEPLOY / image.service / "Dockerfile")
    assert ("USER", "10001:10001") in final
    assert ("ENTRYPOINT", f'["{PREFIX}/bin/{image.name}"]') in final


@each_image
def test_it_says_what_it_is(image: Image) -> None:
    (labels,) = (
        rest for word, rest in _final(DEPLOY / image.service / "Dockerfile") if word == "LABEL"
    )
    said = dict(re.findall(r'org\.opencontainers\.image\.(\w+)="([^"]*)"', labels))
    assert said.pop("description")
    assert said == {
        "title": image.name,
        "licenses": "MIT",
        "version": "${VERSION}",
        "revision": "${REVISION}",
    }


@each_image
def test_the_port_that_it_exposes_is_the_one_that_it_listens_on(image: Image) -> None:
    final = _final(DEPLOY / image.service / "Dockerfile")
    exposed = {port for word, rest in final if word == "EXPOSE" for port in rest.split()}
    listens = {
        port
        for word, rest in final
        if word == "ENV"
        for port in re.findall(r"OMEGA_\w+_LISTEN=0\.0\.0\.0:(\d+)", rest)
    }
    assert listens == ({"8080"} if image.service == "console" else {"50051"} & exposed)
    assert listens <= exposed


@each_image
def test_the_service_that_is_installed_is_its_own(image: Image) -> None:
    steps = _steps(DEPLOY / image.service / "Dockerfile")
    (installed,) = (
        found[1]
        for word, rest in steps
        if word == "RUN" and (found := re.search(r"-m images\.install (\S+)", rest))
    )
    assert installed == image.service


def test_nothing_but_sources_is_handed_to_a_build() -> None:
    lines = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    assert {rule for rule in rules if rule.startswith("!")} == {
        "!constraints.txt",
        "!deploy/images/base/*.txt",
        "!deploy/images/builder/*.txt",
        "!libs",
        "!services",
        "!tools/images/closure.py",
        "!tools/images/elf.py",
        "!tools/images/install.py",
        "!tools/images/plan.py",
    }
