"""`omega serve`."""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

from omega_cli.exits import Exit
from omega_cli.output import add_json, print_json
from omega_core.errors import invalid

if TYPE_CHECKING:
    from omega_cli.serve.folder import ServeFolder
    from omega_cli.serve.site import Site

_PORTS = {
    "sync": ("TVs with tokens", 50_071),
    "mtls": ("TVs with certificates", 50_075),
    "constellation": ("operators' commands, on loopback", 50_072),
    "federation": ("rounds, on loopback", 50_073),
    "console": ("operators' browsers, on loopback", 50_074),
    "relay": ("TVs' reports, with --privacy threshold", 50_076),
    "randomness": ("coins of such reports", 50_077),
}

_ANY_ADDRESS = {"0.0.0.0", "::"}  # noqa: S104 - compared with, not listened on
_STOPS = (signal.SIGTERM, signal.SIGINT)


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command."""
    parser = commands.add_parser("serve", help="serve a whole shard from this machine")
    parser.add_argument("--data", type=Path, required=True, help="folder of everything that lasts")
    parser.add_argument("--database-url", help="a Postgres of one's own; without, one in --data")
    parser.add_argument(
        "--host", default="127.0.0.1", help="address on which TVs call (%(default)s)"
    )
    parser.add_argument(
        "--name",
        action="append",
        default=None,
        dest="names",
        help="host name or address that TVs call this machine by; may be repeated",
    )
    for name, (meaning, port) in _PORTS.items():
        parser.add_argument(
            f"--{name}-port", type=int, default=port, help=f"{meaning}; 0 = any (%(default)s)"
        )
    parser.add_argument(
        "--privacy",
        choices=("sketches", "threshold"),
        default="sketches",
        help="threshold: reports of pairs are taken too, and both servers of the other party, which"
        " is none here, run beside (%(default)s)",
    )
    add_json(parser)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    # What serving needs comes with the extra `demo`; other commands do without it.
    from omega_cli.serve import folder, site

    ports = {name: getattr(arguments, f"{name}_port") for name in _PORTS}
    for name, port in ports.items():
        if not 0 <= port <= 65_535:  # noqa: PLR2004 - the largest TCP port
            raise invalid(f"--{name}-port", "between 0 and 65,535")
    names = ["localhost", "127.0.0.1", "::1", *(arguments.names or [])]
    reports = arguments.privacy == "threshold"
    if reports and arguments.host not in _ANY_ADDRESS:
        names.append(arguments.host)  # by which services of this machine call each other
    plan = site.Plan(
        folder.ServeFolder(arguments.data.absolute()),
        arguments.host,
        tuple(dict.fromkeys(names)),
        site.Ports(**ports),
        arguments.database_url or "",
        reports,
    )
    serving = site.Site(plan, os.environ, _tell)
    for number in _STOPS:
        signal.signal(number, _interrupt)
    try:
        serving.start()
        _banner(arguments, serving, plan.folder)
        threading.Event().wait()
    except KeyboardInterrupt:
        _tell("stopping")
    except RuntimeError as error:
        print(f"omega: {error}", file=sys.stderr)
        return Exit.FAILED
    finally:
        serving.stop()
    return Exit.DONE


def _banner(arguments: argparse.Namespace, site: Site, folder: ServeFolder) -> None:
    addresses = site.addresses
    port = addresses["omega-sync"].rpartition(":")[2]
    mtls = addresses["omega-sync mtls_listen"].rpartition(":")[2]
    name = (arguments.names or ["localhost"])[0]
    tv = {
        "OMEGA_BRAIN_CONSTELLATION_URL": f"https://{name}:{port}",
        "OMEGA_BRAIN_CONSTELLATION_MTLS_URL": f"https://{name}:{mtls}",
        "OMEGA_BRAIN_CONSTELLATION_TLS_CA": str(folder.server_ca),
        "OMEGA_BRAIN_ENROLMENT_KEY_FILE": str(folder.enrolment_key),
    }
    if arguments.privacy == "threshold":
        tv["OMEGA_BRAIN_SHARING"] = "threshold"
        for party in ("relay", "randomness"):
            port = addresses[f"omega-{party}"].rpartition(":")[2]
            tv[f"OMEGA_BRAIN_{party.upper()}_URL"] = f"https://{name}:{port}"
            tv[f"OMEGA_BRAIN_{party.upper()}_TLS_CA"] = str(folder.server_ca)
    console = f"http://{addresses['omega-console']}"
    if arguments.json:
        pids = {keeper.name: keeper.pid for keeper in site.keepers}
        print_json(
            {
                "addresses": addresses,
                "console": console,
                "pki": str(folder.pki),
                "database_url": site.database_url,
                "pids": pids,
                "profile": str(folder.profile),
                "tv": tv,
            }
        )
    else:
        print(f"Serving from {folder.path}; Ctrl-C stops it.\n")
        for script, address in sorted(addresses.items()):
            print(f"  {script:<24}  {address}")
        print(f"\nOperators:\n  export OMEGA_CLI_PROFILE={shlex.quote(str(folder.profile))}")
        print("  omega doctor\n  omega content import titles.jsonl")
        pki = shlex.quote(str(folder.pki))
        print(f"  omega certs {pki} --token admin   # to sign in at {console}")
        print("\nA TV:")
        for variable, value in tv.items():
            print(f"  export {variable}={shlex.quote(value)}")
        print("  OMEGA_BRAIN_STORAGE_PATH=tv omega-brain")
    sys.stdout.flush()


def _tell(text: str) -> None:
    print(f"omega serve: {text}", file=sys.stderr, flush=True)


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    """Ends by way of every finally; asking twice does not leave half of it running."""
    for number in _STOPS:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt
