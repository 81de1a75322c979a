"""`omega k8s`."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from omega_cli.exits import Exit
from omega_cli.k8s.shard import DEVICES, ShardPlan, files
from omega_cli.output import add_json, print_json
from omega_core.errors import invalid

_MANIFESTS = Path("deploy/k8s")


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds `omega k8s`."""
    group = commands.add_parser("k8s", help="manifests for Kubernetes: shard")
    actions = group.add_subparsers(metavar="ACTION", required=True)
    shard = actions.add_parser("shard", help="write the kustomize overlay of one more shard")
    shard.add_argument("--id", type=int, required=True, help="its number, 0 to 9,999")
    shard.add_argument(
        "--region", required=True, help="region whose TVs it takes, 1 to 16 of [a-z0-9-]"
    )
    shard.add_argument(
        "--devices",
        type=int,
        default=DEVICES,
        help="TVs that its database is sized for, by `omega capacity` (default: %(default)s)",
    )
    shard.add_argument(
        "--manifests",
        type=Path,
        default=_MANIFESTS,
        help="folder with base/ and components/ (default: %(default)s)",
    )
    shard.add_argument(
        "--out", type=Path, help="folder to write (default: overlays/shards/REGION-ID of the same)"
    )
    add_json(shard)
    shard.set_defaults(run=_shard)


def _shard(arguments: argparse.Namespace) -> int:
    plan = ShardPlan(arguments.id, arguments.region, arguments.devices)
    manifests: Path = arguments.manifests
    if not (manifests / "base" / "constellation").is_dir():
        raise invalid("--manifests", "the folder with base/ and components/ of this project")
    out: Path = arguments.out or manifests / "overlays" / "shards" / plan.name
    if out.exists() and any(out.iterdir()):
        raise invalid("--out", "a folder that is empty or not there: what is in one is yours")
    out.mkdir(parents=True, exist_ok=True)
    up = Path(os.path.relpath(manifests.resolve(), out.resolve()))
    for name, text in files(plan, up.as_posix()).items():
        (out / name).write_text(text, "utf-8")
    if arguments.json:
        print_json({"shard": plan.name, "folder": str(out), "namespace": plan.namespace})
        return Exit.DONE
    print(f"{out}: shard {plan.name}, in a namespace of its own, {plan.namespace}. Next:")
    print(f"  kubectl apply --server-side -k {out}")
    print(f"  omega shards add {plan.name} {plan.address} --region {plan.region} --watch")
    print("and name its database in shards.toml of the federation worker.")
    return Exit.DONE
