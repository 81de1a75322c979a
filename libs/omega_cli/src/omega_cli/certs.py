"""`omega certs`: certificates for a desk. A fleet takes those of its servers from its own PKI."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from omega_cli.access import duration
from omega_core import validate
from omega_core.errors import invalid
from omega_rpc import local_authority, local_operators
from omega_rpc.device_keys import write_private

_PUBLIC, _SECRET = 0o644, 0o600


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds `omega certs`."""
    command = commands.add_parser(
        "certs",
        help="make a server CA, a server certificate and a device CA, or sign an operator's token,"
        " for development",
    )
    command.add_argument("folder", metavar="FOLDER", type=Path, help="where the files go")
    command.add_argument(
        "--name",
        action="append",
        dest="names",
        help="host name or IP address of the server; may be repeated"
        " (default: localhost, 127.0.0.1 and ::1)",
    )
    command.add_argument(
        "--valid-for",
        help="of the server, whose CAs last ten times as long, or of the token"
        " (default: 90d, and 8h)",
    )
    command.add_argument(
        "--token",
        metavar="ROLE",
        choices=local_operators.ROLES,
        help="print a token for omega-console instead (viewer, operator or admin); it is signed"
        " with FOLDER/operators.key, made with FOLDER/operators.jwks where it is not there",
    )
    command.add_argument(
        "--subject", default="desk", help="whom the token names (default: %(default)s)"
    )
    command.set_defaults(run=_run)


def make(folder: Path, names: Sequence[str], valid_for: timedelta, now: datetime) -> list[Path]:
    """Writes the six PEM files; keys are for their owner alone.

    Nothing is written where one of them is there already: whoever trusts a CA would be lost.

    Returns:
        server-ca.pem, server-ca.key, server.pem, server.key, device-ca.pem and device-ca.key.

    Raises:
        OmegaError: INVALID_FIELD folder (a file is there) or names.
        OSError: a file cannot be written.
    """
    servers = local_authority.authority("Omega TV development servers", now, 10 * valid_for)
    server = local_authority.server(servers, names, now, valid_for)
    devices = local_authority.authority("Omega TV development devices", now, 10 * valid_for)
    files = {
        f"{name}.{ending}": (content, mode)
        for name, signed in (("server-ca", servers), ("server", server), ("device-ca", devices))
        for ending, content, mode in (
            ("pem", signed.certificate_pem(), _PUBLIC),
            ("key", signed.key_pem(), _SECRET),
        )
    }
    folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    there = [name for name in files if os.path.lexists(folder / name)]
    if there:
        raise invalid("FOLDER", f"without {there[0]}, which is never replaced")
    for name, (content, mode) in files.items():
        write_private(folder / name, content)
        (folder / name).chmod(mode)
    return [folder / name for name in files]


def token(folder: Path, role: str, subject: str, valid_for: timedelta, now: datetime) -> str:
    """Signs an operator's token, with a key that is made where it is not there.

    The key lies in operators.key, its JWK set in operators.jwks; both are never replaced.

    Raises:
        OmegaError: INVALID_FIELD subject, or operators.key (no key of ours).
        OSError: a file cannot be read or written.
    """
    validate.text("subject", subject, 128, 1)
    path = folder / "operators.key"
    if not os.path.lexists(path):
        made = local_operators.OperatorKey.generate()
        folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        keys = folder / "operators.jwks"
        if os.path.lexists(keys):
            raise invalid("FOLDER", "without operators.jwks, which is never replaced")
        keys.write_bytes(local_operators.key_set([made]))
        write_private(path, made.pem())
    key = local_operators.OperatorKey.from_pem(path.name, path.read_bytes())
    return key.sign(subject, [role], now, valid_for)


def _run(arguments: argparse.Namespace) -> int:
    if arguments.token:
        valid_for = duration("--valid-for", arguments.valid_for or "8h")
        now = datetime.now(UTC)
        print(token(arguments.folder, arguments.token, arguments.subject, valid_for, now))
        return 0
    names = arguments.names or ["localhost", "127.0.0.1", "::1"]
    valid_for = duration("--valid-for", arguments.valid_for or "90d")
    for path in make(arguments.folder, names, valid_for, datetime.now(UTC)):
        print(path)
    return 0
