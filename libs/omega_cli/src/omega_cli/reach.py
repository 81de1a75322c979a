"""How a command reaches a constellation: flags, else variables, else a profile, else this machine.

A profile is a TOML file with the keys target, tls_ca, tls_certificate and tls_key; its paths are
relative to its folder. `omega serve` writes one.
"""

from __future__ import annotations

import argparse
import getpass
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from omega_client import AdminClient, ClientTls, ConstellationClient
from omega_core.errors import invalid

VARIABLES = {
    "target": "OMEGA_CLI_TARGET",
    "tls_ca": "OMEGA_CLI_TLS_CA",
    "tls_certificate": "OMEGA_CLI_TLS_CERTIFICATE",
    "tls_key": "OMEGA_CLI_TLS_KEY",
}
"""Field of Reach -> its environment variable."""
PROFILE = "OMEGA_CLI_PROFILE"
"""Variable that names a profile."""
GROUP = "constellation"
"""Title of the flags in a command's help."""
_LONGEST_ACTOR = 128


@dataclass(frozen=True)
class Reach:
    """A constellation, and how to trust it."""

    target: str = "127.0.0.1:50072"
    """HOST:PORT or unix:/absolute/path."""
    tls_ca: Path | None = None
    """PEM certificates that sign it; None = no TLS."""
    tls_certificate: Path | None = None
    """PEM chain to show, together with tls_key, where it asks for one."""
    tls_key: Path | None = None
    """Its PEM key."""

    def __post_init__(self) -> None:
        if not self.target:
            raise invalid("--target", "HOST:PORT")
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise invalid("--tls-key", "set together with --tls-certificate")
        if self.tls_certificate is not None and self.tls_ca is None:
            raise invalid("--tls-ca", "set when --tls-certificate is")

    @property
    def tls(self) -> ClientTls | None:
        """As clients take it."""
        if self.tls_ca is None:
            return None
        return ClientTls(self.tls_ca, self.tls_certificate, self.tls_key)


def add_reach(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of Reach to a command; docs/configuration.md lists them once for all."""
    group = parser.add_argument_group(GROUP)
    group.add_argument("--constellation", "--target", dest="target", help="HOST:PORT")
    _add_trust(group)


def add_tls(parser: argparse.ArgumentParser) -> None:
    """Adds the same flags to a command that takes its target as an argument."""
    _add_trust(parser.add_argument_group(GROUP))


def _add_trust(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--tls-ca", type=Path, help="PEM certificates that sign it; without, no TLS")
    group.add_argument("--tls-certificate", type=Path, help="PEM chain to show, with --tls-key")
    group.add_argument("--tls-key", type=Path, help="its PEM key")
    group.add_argument("--profile", type=Path, help="TOML file that says the same")


def reach_of(arguments: argparse.Namespace, environ: Mapping[str, str] = os.environ) -> Reach:
    """What flags, variables and profile say together: each wins over those after it.

    Raises:
        OmegaError: INVALID_FIELD that names the flag, variable or key at fault.
    """
    named = environ.get(PROFILE)
    profile = arguments.profile or (Path(named) if named else None)
    found = _read(profile) if profile else {}
    found |= {field: environ[name] for field, name in VARIABLES.items() if name in environ}
    given = {field.name: getattr(arguments, field.name) for field in fields(Reach)}
    found |= {name: str(value) for name, value in given.items() if value is not None}
    target = found.pop("target", Reach.target)
    return Reach(target, **{name: Path(value) for name, value in found.items() if value})


def admin(arguments: argparse.Namespace) -> AdminClient:
    """A client of what operators do.

    Raises:
        OmegaError: as reach_of; INVALID_FIELD for a TLS file of no use.
    """
    reach = reach_of(arguments)
    # Where a certificate says who calls, nothing else does.
    actor = "" if reach.tls_certificate else login()
    return AdminClient(reach.target, tls=reach.tls, actor=actor)


def constellation(arguments: argparse.Namespace) -> ConstellationClient:
    """A client of what services do.

    Raises:
        OmegaError: as admin.
    """
    reach = reach_of(arguments)
    return ConstellationClient(reach.target, tls=reach.tls)


def login() -> str:
    """Who is logged in, for the audit log; empty where the system does not know."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        return ""
    return "".join(c for c in name if " " <= c <= "~")[:_LONGEST_ACTOR]


def _read(path: Path) -> dict[str, str]:
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise invalid("--profile", f"a readable TOML file: {path}") from error
    for key, value in table.items():
        if key not in VARIABLES:
            raise invalid(f"{path.name}: {key}", f"one of {', '.join(VARIABLES)}")
        if not isinstance(value, str):
            raise invalid(f"{path.name}: {key}", "text")
        if key != "target":
            table[key] = str(path.parent / value)
    return table
