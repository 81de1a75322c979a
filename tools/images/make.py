"""Builds all images, from the base or from another, and says what each adds to it."""

from __future__ import annotations

import shutil
import subprocess
import tarfile
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path

from images.engine import INSTALL, Engine, EngineError
from images.plan import HOST, MB, Image

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy" / "images"
DEBIAN = "docker.io/library/debian:bookworm-slim"
"""What the builder stands on where an image registry is reached."""
OWN_DEBIAN = "localhost/omega-debian:bookworm"
"""The same, made by debootstrap, where none is."""
BUILDER = "localhost/omega-builder:latest"
BASE = "localhost/omega-base:latest"
_PULL_SECONDS = 60.0
_SOURCES = Path("/etc/apt/sources.list.d/debian.sources")


@dataclass(frozen=True)
class Built:
    """An image that was built."""

    image: Image
    """What it is."""
    arch: str
    """Processor that it is for."""
    reference: str
    """Its name."""
    base: str
    """What it stands on."""
    added: int
    """Bytes that it adds to that."""

    @property
    def within_budget(self) -> bool:
        """Whether it adds no more than it may."""
        return self.added <= self.image.budget_mb * MB


def version() -> str:
    """Version of the distributions."""
    with (ROOT / "services" / "sync" / "pyproject.toml").open("rb") as file:
        return str(tomllib.load(file)["project"]["version"])


def revision() -> str:
    """The commit that is built, with a mark where files differ from it; "unknown" without git."""
    if not shutil.which("git"):
        return "unknown"
    command = ["git", "describe", "--always", "--abbrev=40", "--dirty", "--exclude", "*"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def base_of(arch: str, given: str = "") -> str:
    """Name of the base for a processor."""
    return given or (BASE if arch == HOST.name else f"{BASE}-{arch}")


def prepare(engine: Engine, arches: set[str], given: str = "", *, fresh: bool = False) -> None:
    """Makes the builder, and the bases unless another is given.

    Args:
        engine: builds them.
        arches: processors that bases are made for.
        given: name of another base; empty = ours.
        fresh: whether they get Debian's newest packages; else they are taken as they are here.

    Raises:
        EngineError: a build failed, or neither a registry nor Debian's archive is reached.
    """
    if given and not engine.has(given):
        engine.run("pull", "--quiet", given)
    debian = {"DEBIAN": _debian(engine)}
    engine.build(DEPLOY / "builder" / "Dockerfile", ROOT, BUILDER, debian, fresh=fresh)
    for arch in sorted(arches) if not given else ():
        arguments = {"BUILDER": BUILDER, "TARGETARCH": arch}
        platform = "" if arch == HOST.name else f"linux/{arch}"
        dockerfile = DEPLOY / "base" / "Dockerfile"
        engine.build(dockerfile, ROOT, base_of(arch), arguments, platform, fresh=fresh)


def build(engine: Engine, image: Image, arch: str, given_base: str = "") -> Built:
    """Builds one image on the builder and the base that are there."""
    base, reference = base_of(arch, given_base), image.reference(version(), arch)
    arguments = {
        "BUILDER": BUILDER,
        "BASE": base,
        "TARGETARCH": arch,
        "VERSION": version(),
        "REVISION": revision(),
    }
    engine.build(DEPLOY / image.service / "Dockerfile", ROOT, reference, arguments)
    added = engine.size(reference) - engine.size(base)
    return Built(image, arch, reference, base, added)


def _debian(engine: Engine) -> str:
    """The Debian that the builder stands on."""
    for reference in (DEBIAN, OWN_DEBIAN):
        if engine.has(reference):
            return reference
    try:
        engine.run("pull", "--quiet", DEBIAN, seconds=_PULL_SECONDS)
    except EngineError:
        _bootstrap(engine)
        return OWN_DEBIAN
    return DEBIAN


def _bootstrap(engine: Engine) -> None:
    if not shutil.which("debootstrap"):
        raise EngineError(f"no image registry is reached, and debootstrap is missing: {INSTALL}")
    with tempfile.TemporaryDirectory() as name:
        root, archive = Path(name) / "root", Path(name) / "root.tar"
        command = ["debootstrap", "--variant=minbase", "--include=ca-certificates", "bookworm"]
        done = subprocess.run(
            [*command, str(root)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode:
            raise EngineError(f"debootstrap: {done.returncode}\n{done.stdout[-2_000:]}")
        if _SOURCES.exists() and "bookworm-security" in _SOURCES.read_text("utf-8"):
            # debootstrap names one archive alone; security updates come from this machine's others.
            (root / "etc/apt/sources.list").unlink(missing_ok=True)
            shutil.copy(_SOURCES, root / _SOURCES.relative_to("/"))
        with tarfile.open(archive, "w") as tar:
            tar.add(root, ".")
        engine.run("import", str(archive), OWN_DEBIAN)
