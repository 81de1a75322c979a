"""Environment variables: names that nobody reads, and values that a service refuses."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Iterator, Mapping
from importlib.metadata import distributions, entry_points
from typing import Any

from omega_cli.doctor.findings import Finding, fault, ok, warning
from omega_cli.reach import PROFILE, VARIABLES
from omega_core.config import load, variable
from omega_core.errors import OmegaError
from omega_rpc.config import ServerConfig

CHECK = "settings"
GROUP = "omega.settings"
"""Entry points of the services that are installed here, each the class of its settings."""
GENERAL = (
    "OMEGA_CACHE_DIR",
    "OMEGA_CLOCK_FILE",
    "OMEGA_DATA",
    "OMEGA_LOG_FORMAT",
    "OMEGA_LOG_LEVEL",
    "OMEGA_METRICS_LISTEN",
    "OMEGA_STORE_DIALECT",
    "OMEGA_TEST_POSTGRES",
    PROFILE,
    *VARIABLES.values(),
)
"""Variables that are read by their own names."""


@dataclasses.dataclass(frozen=True)
class Service:
    """A service that is installed here."""

    name: str
    """Its console script, such as "omega-sync"."""
    config: type[Any]
    """Its own settings."""

    @property
    def prefix(self) -> str:
        """What its variables begin with: OMEGA_FEDERATION_ of omega-federation-worker."""
        return f"OMEGA_{self.name.split('-')[1].upper()}_"

    def names(self) -> set[str]:
        """Its variables."""
        return {
            variable(self.prefix, field.name)
            for config in (self.config, ServerConfig)
            for field in dataclasses.fields(config)
        }

    def complaint(self, environ: Mapping[str, str]) -> str:
        """Why it would not start; empty = its settings are within their bounds."""
        # Each has an address of its own where none is set.
        listen = {variable(self.prefix, "listen"): "127.0.0.1:0"}
        try:
            load(self.config, self.prefix, environ)
            load(ServerConfig, self.prefix, {**listen, **environ})
        except OmegaError as error:
            return str(error)
        return ""


def services() -> list[Service]:
    """The services that are installed here, by name."""
    points = sorted(entry_points(group=GROUP), key=lambda point: point.name)
    return [Service(point.name, point.load()) for point in points]


def check_settings(environ: Mapping[str, str]) -> Iterator[Finding]:
    """Looks at the OMEGA_ variables of an environment, as the services installed here read them."""
    given = {name for name in environ if name.startswith("OMEGA_")} - set(GENERAL)
    if not given:
        yield ok(CHECK, "no variable of a service is set here")
        return
    found = services()
    known = {name for service in found for name in service.names()} | set(GENERAL)
    for name in sorted(given - known):
        near = difflib.get_close_matches(name, sorted(known), 1)
        advice = f"did you mean {near[0]}?" if near else "remove it, or install what reads it"
        yield warning(CHECK, f"{name} is set, and nothing here reads it", advice)
    for service in found:
        if given.isdisjoint(service.names()):
            continue
        if said := service.complaint(environ):
            what = f"{service.name} would not start: {said}"
            yield fault(CHECK, what, "see docs/configuration.md")
        else:
            yield ok(CHECK, f"{service.name} takes its settings")


def check_versions() -> Iterator[Finding]:
    """Whether what is installed here is of one release."""
    found: dict[str, set[str]] = {}
    for each in distributions():
        name = each.metadata["Name"] or ""
        if name.startswith("omega-"):
            found.setdefault(each.version, set()).add(name)
    if len(found) == 1:
        (version,) = found
        yield ok("versions", f"everything installed here is of {version}")
        return
    told = "; ".join(f"{version}: {', '.join(sorted(names))}" for version, names in found.items())
    yield fault("versions", f"releases are mixed here: {told}", "install all of one release")
