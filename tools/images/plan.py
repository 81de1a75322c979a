"""What images there are: one a service, what each may hold and how large it may be."""

from __future__ import annotations

import platform
from dataclasses import dataclass

MB = 1_000_000
"""Bytes of a megabyte, as image registries count."""
USER = 10_001
"""User and group id that every image runs as."""
PREFIX = "/opt/omega"
"""Where a service lies in its image."""
PYTHON = "3.11"
"""Python of the base, Debian 12's."""
SBOM = f"{PREFIX}/sbom.cdx.json"
"""What is inside, in CycloneDX 1.6."""


@dataclass(frozen=True)
class Arch:
    """A processor that images are built for."""

    name: str
    """As images name it."""
    machine: str
    """As wheels and the kernel name it."""
    elf: int
    """`e_machine` of its programs (ELF gABI)."""

    @property
    def triplet(self) -> str:
        """As its compilers are named."""
        return f"{self.machine}-linux-gnu"


ARCHES = {"amd64": Arch("amd64", "x86_64", 62), "arm64": Arch("arm64", "aarch64", 183)}
"""By the names that images use."""
HOST = ARCHES["amd64"]
"""Processor of the machines that build and try images: the builder's compilers run on it."""


@dataclass(frozen=True)
class Image:
    """The image of one service."""

    service: str
    """Folder in deploy/images, and the end of the image's name."""
    requirements: tuple[str, ...]
    """Distributions of ours that are installed, with their extras."""
    budget_mb: int
    """Most that it may add to the base, in megabytes."""
    arches: tuple[str, ...] = (HOST.name,)
    """What it is built for."""
    forbidden: tuple[str, ...] = ()
    """Modules that it must not hold inside packages that it shares with others."""

    @property
    def name(self) -> str:
        """Of image, distribution and console script alike."""
        return f"omega-{self.service}"

    @property
    def folder(self) -> str:
        """Where the service's source lies."""
        return f"services/{self.service.replace('-', '_')}"

    def reference(self, tag: str, arch: str = HOST.name) -> str:
        """What engines call it."""
        suffix = "" if arch == HOST.name else f"-{arch}"
        return f"localhost/{self.name}:{tag}{suffix}"


TELEMETRY = "omega-rpc[otlp,prometheus]"
"""Exporters, which the operator's servers hold and a TV does not."""
SCRAPE = "omega-rpc[prometheus]"
"""The exporter of another party's servers, which tell nobody of a single call: no traces."""
IMAGES = {
    image.service: image
    for image in (
        Image("sync", ("omega-sync", TELEMETRY), 130),
        Image("constellation", ("omega-constellation", TELEMETRY), 130),
        Image("federation-worker", ("omega-federation-worker", TELEMETRY), 130),
        Image(
            "brain",
            ("omega-brain", "omega-client[connect]"),
            240,
            tuple(ARCHES),
            ("opentelemetry.exporter", "opentelemetry.sdk"),
        ),
        Image("console", ("omega-console", TELEMETRY), 130),
        Image("randomness", ("omega-randomness", SCRAPE), 115),
        Image("relay", ("omega-relay", SCRAPE), 105),
    )
}
"""By their folder in deploy/images."""


def unsupported() -> str:
    """Why images are neither built nor tried on this machine, a line; empty = they are."""
    system, machine = platform.system(), platform.machine()
    if (system, machine) == ("Linux", HOST.machine):
        return ""
    return f"images are built and tried on linux/{HOST.name} alone; this is {system}/{machine}"
