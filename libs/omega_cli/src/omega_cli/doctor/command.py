"""`omega doctor`."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path

from omega_cli.doctor import certificates, servers, settings
from omega_cli.doctor.findings import Finding, Level, exit_of, warning
from omega_cli.output import Column, add_json, show
from omega_cli.reach import Reach, add_reach, reach_of
from omega_core.errors import invalid

DATABASES = ("OMEGA_CONSTELLATION_DATABASE_URL", "OMEGA_FEDERATION_DATABASE_URL")
"""Variables that name the shard's database, the first that is set."""
COLUMNS = (
    Column("", lambda record: {"ok": "✓", "warning": "!", "fault": "✗"}[record["level"]]),
    Column("check", "check"),
    Column("found", "what"),
    Column("what to do", "advice"),
)
"""Of the table."""


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command."""
    parser = commands.add_parser(
        "doctor",
        help="check settings, database, certificates, clocks, versions and health",
        description="Looks at the OMEGA_ variables that are set here, as services would, at what"
        " they name, and at a constellation. Ends with 0, 5 for warnings, 1 for faults.",
    )
    parser.add_argument(
        "--database-url", help="the shard's Postgres; without, as the services' variables say"
    )
    parser.add_argument(
        "--environment",
        type=Path,
        help="a file of VARIABLE=value lines to look at in place of what is set here",
    )
    parser.add_argument(
        "--address",
        action="append",
        dest="addresses",
        help="another server to ask for its health, with the same TLS; may be repeated",
    )
    parser.add_argument(
        "--offline", action="store_true", help="ask no server; only what is here and the database"
    )
    add_reach(parser)
    add_json(parser)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    environ = _variables(arguments.environment) if arguments.environment else os.environ
    reach = reach_of(arguments)
    findings = list(_look(arguments, environ, reach))
    records = [{**asdict(each), "level": each.level.name.lower()} for each in findings]
    worst = max((each.level for each in findings), default=Level.OK)
    faults = sum(each.level is Level.FAULT for each in findings)
    warnings = sum(each.level is Level.WARNING for each in findings)
    show(
        arguments,
        "findings",
        records,
        COLUMNS,
        caption=f"{faults} faults, {warnings} warnings",
        more={"worst": worst.name.lower()},
    )
    return exit_of(findings)


def _look(
    arguments: argparse.Namespace, environ: Mapping[str, str], reach: Reach
) -> Iterator[Finding]:
    yield from settings.check_settings(environ)
    yield from settings.check_versions()
    yield from certificates.check_certificates(environ)
    url = arguments.database_url or next((environ[n] for n in DATABASES if environ.get(n)), None)
    if url and find_spec("psycopg"):
        # It comes with the extra `demo`; an operator's desk may do without.
        from omega_cli.doctor.database import check_database

        yield from check_database(url)
    elif url:
        what = "the database was not looked at: omega-cli[demo] is not installed"
        yield warning("database", what, "install it, or run this where it is")
    if arguments.offline:
        return
    before = list(servers.check_health("the constellation", reach))
    yield from before
    if all(each.level is Level.OK for each in before):
        yield from servers.check_constellation(reach)
    for address in arguments.addresses or ():
        yield from servers.check_health(
            "the server", Reach(address, reach.tls_ca, reach.tls_certificate, reach.tls_key)
        )


def _variables(path: Path) -> dict[str, str]:
    """The variables of a file, as `env` prints them and containers read them.

    Raises:
        OmegaError: INVALID_FIELD --environment.
    """
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise invalid("--environment", f"a readable file: {path}") from error
    found = {}
    for number, line in enumerate(lines, 1):
        name, equals, value = line.strip().partition("=")
        if name.startswith("#") or not name:
            continue
        if not equals:
            raise invalid(f"--environment, line {number},", "VARIABLE=value")
        found[name] = value
    return found
