"""Docker where its engine runs, else podman: the same words, and what podman needs besides."""

from __future__ import annotations

import configparser
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

INSTALL = "apt-get install -y --no-install-recommends buildah podman runc fuse-overlayfs netavark\
 aardvark-dns catatonit uidmap iptables nftables debootstrap"
"""What brings podman to a Debian machine."""
_TRUST = Path("/etc/ssl/certs/ca-certificates.crt")
_PIP = Path("/etc/pip.conf")
_CONFIGURATION = """[engine]
runtime = "runc"
[containers]
default_ulimits = ["nofile=8192:8192", "nproc=8192:8192"]
"""
"""runc, since crun refuses hybrid control groups; limits that hold without CAP_SYS_RESOURCE."""


class EngineError(RuntimeError):
    """A command of the engine failed; the text ends with what it said."""


@dataclass(frozen=True)
class Engine:
    """The engine of this machine."""

    command: str
    """"docker" or "podman"."""
    environ: Mapping[str, str] = field(repr=False)
    """Its environment."""
    lent: Mapping[Path, str] = field(default_factory=dict)
    """Files of this machine -> where a build finds them."""

    @property
    def is_podman(self) -> bool:
        """Whether it builds without a daemon."""
        return self.command == "podman"

    def run(self, *arguments: str, seconds: float = 600.0) -> str:
        """One command; returns its standard output.

        Raises:
            EngineError: it failed, or took longer than `seconds`.
        """
        try:
            done = subprocess.run(
                [self.command, *arguments],
                env=dict(self.environ),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=seconds,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise EngineError(f"{self.command} {arguments[0]}: no end in {seconds} s") from error
        if done.returncode:
            said = (done.stdout + done.stderr).strip()[-4_000:]
            raise EngineError(f"{self.command} {' '.join(arguments)}: {done.returncode}\n{said}")
        return done.stdout

    def tidy(self, *arguments: str) -> None:
        """A command that takes something away; its failure is said, and hides no other."""
        try:
            self.run(*arguments)
        except EngineError as error:
            print(error, file=sys.stderr)

    def logs(self, container: str) -> str:
        """The last 40 lines that a container said, on either of its outputs."""
        done = subprocess.run(
            [self.command, "logs", "--tail", "40", container],
            env=dict(self.environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )
        return done.stdout

    def has(self, reference: str) -> bool:
        """Whether an image is here."""
        try:
            self.run("image", "inspect", reference)
        except EngineError:
            return False
        return True

    def inspect(self, reference: str) -> dict[str, Any]:
        """What the engine knows of an image."""
        return cast("dict[str, Any]", json.loads(self.run("image", "inspect", reference))[0])

    def size(self, reference: str) -> int:
        """Bytes of an image, unpacked."""
        return int(self.inspect(reference)["Size"])

    def build(
        self,
        dockerfile: Path,
        context: Path,
        tag: str,
        arguments: Mapping[str, str],
        platform: str = "",
        *,
        fresh: bool = False,
    ) -> None:
        """Builds an image, for another platform such as "linux/arm64" where one is named.

        podman is lent this machine's pip settings and root certificates, which stay outside. What
        is `fresh` takes no step from an earlier build.

        Raises:
            EngineError: a step failed, or took longer than half an hour.
        """
        podmans = [
            *("--isolation", "chroot", "--pull-never", "--layers", "--format", "docker"),
            *(w for path, to in self.lent.items() for w in ("--volume", f"{path}:{to}:ro")),
        ]
        self.run(
            "build",
            *(podmans if self.is_podman else ()),
            *(w for k, v in arguments.items() for w in ("--build-arg", f"{k}={v}")),
            *(("--platform", platform) if platform else ()),
            *(("--no-cache",) if fresh else ()),
            *("--file", str(dockerfile), "--tag", tag, str(context)),
            seconds=1_800,
        )

    @contextmanager
    def exported(self, reference: str) -> Iterator[Path]:
        """All files of an image, as a tar archive that is gone at the end.

        Raises:
            EngineError: there is no such image.
        """
        with tempfile.TemporaryDirectory(prefix="omega-exported-") as folder:
            archive = Path(folder) / "root.tar"
            container = self.run("create", reference).strip()
            try:
                self.run("export", "--output", str(archive), container)
            finally:
                self.tidy("rm", "--volumes", container)
            yield archive


def find(folder: Path) -> Engine:
    """The engine of this machine; `folder` takes its configuration.

    Raises:
        EngineError: there is none.
    """
    docker = Engine("docker", dict(os.environ))
    if shutil.which("docker"):
        try:
            docker.run("version", seconds=10)
        except EngineError:
            pass
        else:
            return docker
    missing = [name for name in ("podman", "runc") if not shutil.which(name)]
    if missing:
        raise EngineError(
            f"no container engine is here, {' and '.join(missing)} missing: {INSTALL}"
        )
    settings = folder / "containers.conf"
    settings.write_text(_CONFIGURATION, "utf-8")
    return Engine("podman", {**os.environ, "CONTAINERS_CONF": str(settings)}, _lent(folder))


def _lent(folder: Path) -> dict[Path, str]:
    """This machine's pip settings and whom it trusts, for builds alone."""
    settings = configparser.ConfigParser(interpolation=None)
    settings.read(_PIP)
    if not _TRUST.exists():
        return {_PIP: str(_PIP)} if _PIP.exists() else {}
    if not settings.has_section("global"):
        settings.add_section("global")
    # Beside Debian's own file, which installing ca-certificates replaces.
    settings["global"]["cert"] = "/run/lent-roots.pem"
    with (folder / "pip.conf").open("w", encoding="utf-8") as file:
        settings.write(file)
    return {folder / "pip.conf": str(_PIP), _TRUST: settings["global"]["cert"]}
