"""Installs one service into /opt/omega; runs in the build stage of its image.

Wheels of ours are made from source, hnswlib's too, since nobody publishes one; everything else
comes as a wheel for the processor that the image is for, which need not be this one: nothing that
is installed is run here. Then what only builders need goes, shared objects are stripped, bytecode
is compiled, since the root file system cannot be written later, and the SBOM is written.

Usage: python -m images.install SERVICE [ARCH]
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from hatchling.build import build_wheel
from images import closure, elf
from images.plan import ARCHES, HOST, IMAGES, PREFIX, PYTHON, SBOM, Arch, Image

ROOT = Path(__file__).resolve().parents[2]
SITE = Path(PREFIX) / "lib" / f"python{PYTHON}" / "site-packages"
_OLDEST_GLIBC, _GLIBC = 17, 36
_BUILDERS_ONLY = {".a", ".c", ".cpp", ".h", ".hpp", ".la", ".pxd", ".pyi", ".pyx"}
_TESTS = {"test", "tests"}


def main() -> int:
    """Returns the exit code."""
    image = IMAGES[sys.argv[1]]
    arch = ARCHES[(sys.argv[2] if len(sys.argv) > 2 else "") or HOST.name]  # noqa: PLR2004 - argv
    needed = closure.resolve(ROOT, image.requirements)
    with tempfile.TemporaryDirectory() as name:
        wheels = Path(name)
        _ours(needed, wheels)
        if "hnswlib" in needed.others:
            _hnswlib(wheels, arch)
        _run(f"/usr/bin/python{PYTHON}", "-m", "venv", "--without-pip", PREFIX)
        _install(_named(wheels, needed), arch)
    _script(image)
    _prune()
    _strip()
    _compile()
    _sbom(image)
    return 0


def _run(*command: str, **changed: str) -> None:
    subprocess.run(command, check=True, env={**os.environ, **changed})


def _pip(*arguments: str, **changed: str) -> None:
    constraints = str(ROOT / "constraints.txt")
    _run(sys.executable, "-m", "pip", arguments[0], "-q", "-c", constraints, *arguments[1:],
         **changed)  # fmt: skip


def _ours(needed: closure.Closure, wheels: Path) -> None:
    """Builds the wheels of our distributions, in this process: pip would start one for each."""
    for folder in needed.paths():
        with contextlib.chdir(folder):
            build_wheel(str(wheels))


def _hnswlib(wheels: Path, arch: Arch) -> None:
    """Builds its wheel for any processor of the architecture, with the C++ runtime inside."""
    linker = f"{arch.triplet}-g++ -shared"
    _pip(
        *("wheel", "--no-deps", "--no-build-isolation", "--no-binary", "hnswlib"),
        *("-w", str(wheels), "hnswlib"),
        CC=f"{arch.triplet}-gcc",
        CXX=f"{arch.triplet}-g++",
        LDSHARED=linker,
        LDCXXSHARED=linker,
        LDFLAGS="-Wl,--as-needed -static-libstdc++ -static-libgcc",
        HNSWLIB_NO_NATIVE="1",
        SETUPTOOLS_EXT_SUFFIX=f".cpython-{PYTHON.replace('.', '')}-{arch.triplet}.so",
        _PYTHON_HOST_PLATFORM=f"linux-{arch.machine}",
    )


def _named(wheels: Path, needed: closure.Closure) -> list[str]:
    """The wheels by their paths, so that no index is asked for a name of ours."""
    named = []
    for path in sorted(wheels.glob("*.whl")):
        extras = sorted(needed.ours.get(closure.canonical(path.name.split("-")[0]), ()))
        named += [str(path), *([f"{path}[{','.join(extras)}]"] if extras else [])]
    return named


def _install(wheels: list[str], arch: Arch) -> None:
    glibc = [f"manylinux_2_{n}_{arch.machine}" for n in range(_GLIBC, _OLDEST_GLIBC - 1, -1)]
    older = [f"manylinux2014_{arch.machine}", f"manylinux2010_{arch.machine}"]
    platforms = [*glibc, *older, f"linux_{arch.machine}"]
    _pip(
        *("install", "--no-compile", "--only-binary", ":all:", "--target", str(SITE)),
        *("--implementation", "cp", "--python-version", PYTHON),
        *(word for each in platforms for word in ("--platform", each)),
        *wheels,
    )


def _script(image: Image) -> None:
    """Moves the service's console script to where it is found, and drops those of others."""
    scripts = SITE / "bin"
    lines = (scripts / image.name).read_text("utf-8").splitlines()
    target = Path(PREFIX) / "bin" / image.name
    target.write_text("\n".join([f"#!{PREFIX}/bin/python", *lines[1:], ""]), "utf-8")
    target.chmod(0o755)
    shutil.rmtree(scripts)
    for activation in (Path(PREFIX) / "bin").glob("[aA]ctivate*"):
        activation.unlink()


def _prune() -> None:
    for folder in sorted(path for path in SITE.rglob("*") if path.is_dir()):
        if folder.name in _TESTS:
            shutil.rmtree(folder, ignore_errors=True)
    for path in SITE.rglob("*"):
        # direct_url.json says where on the builder a wheel of ours lay.
        if path.is_file() and (path.suffix in _BUILDERS_ONLY or path.name == "direct_url.json"):
            path.unlink()


def _strip() -> None:
    """Takes symbols out, by elfutils: GNU strip misaligns libraries that auditwheel has patched."""
    for path in SITE.rglob("*.so*"):
        found = elf.read(path.read_bytes()) if path.is_file() else None
        if found is not None and not found.stripped:
            _run("eu-strip", str(path))


def _compile() -> None:
    _run(
        *(f"{PREFIX}/bin/python", "-m", "compileall", "-q", "-j", "0"),
        *("--invalidation-mode", "unchecked-hash", str(SITE)),
    )


def _sbom(image: Image) -> None:
    """Writes what is installed; the base's own packages stand in its dpkg records."""
    _run(
        *(str(Path(sys.executable).with_name("cyclonedx-py")), "environment"),
        *("--output-reproducible", "--output-format", "JSON", "--spec-version", "1.6"),
        *("--pyproject", str(ROOT / image.folder / "pyproject.toml"), "--mc-type", "application"),
        *("--output-file", SBOM, f"{PREFIX}/bin/python"),
    )
    found = json.loads(Path(SBOM).read_text("utf-8"))
    print(f"{image.name}: {len(found['components'])} components in its SBOM")


if __name__ == "__main__":
    sys.exit(main())
