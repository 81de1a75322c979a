"""Builds, checks and runs the images of the services, and prints what it found.

make images                    all of it; BASE=... stands on another base
make play-kube RENDER=FILE     the Deployments of the render dev, staging or production, from images
                               that are there
make hardware-floor            instructions of the brain on each processor, from the same
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

from images import check, make, modules
from images.emulate import emulated
from images.engine import Engine, EngineError, find
from images.floor import floors, table
from images.kube import Play, play
from images.plan import HOST, IMAGES, MB, USER, unsupported
from images.pods import STAND_INS
from images.smoke import Smoked, smoke


@dataclass
class Row:
    """What is known of one image without running it."""

    image: str
    """Its name."""
    arch: str
    """Its processor."""
    base: str
    """What it stands on."""
    base_mb: float
    """Size of that."""
    added_mb: float
    """What it adds."""
    budget_mb: int
    """What it may add."""
    objects: int
    """Shared objects of the service, all stripped and for its processor."""
    packages: int
    """Distributions, all named by the SBOM."""
    forbidden: int
    """Modules that were tried and are not there."""
    ran: str
    """How it was run."""
    faults: list[str] = field(default_factory=list)
    """What is not as it must be."""


def main() -> int:
    """Returns the exit code: 0 when everything is as it must be."""
    arguments = _parse()
    cause = unsupported()
    if not cause and os.geteuid() != 0:
        cause = f"images are tried as root: their files belong to user {USER}"
    if cause:
        print(cause, file=sys.stderr)
        return 1
    # A supervisor's SIGTERM ends this as Ctrl-C does: containers and folders go.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # Where runc, chroot and debootstrap lie, and which `su` leaves out of a root's path.
    os.environ["PATH"] = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"
    references = {name: image.reference(make.version()) for name, image in IMAGES.items()}
    began = time.monotonic()
    smoked: Smoked | None = None
    with tempfile.TemporaryDirectory(prefix="omega-engine-") as folder:
        try:
            engine = find(Path(folder))
            if arguments.command == "play":
                played = play(engine, arguments.render, references)
                return _show_play(played, machine=arguments.json)
            if arguments.command == "floor":
                found = floors(engine, lambda text: _say(text, arguments))
                shown = [asdict(each) for each in found]
                print(json.dumps({"floors": shown}) if arguments.json else table(found))
                return 0
            rows = _build(engine, arguments)
            if not arguments.only:
                _say("running all of them", arguments)
                smoked = smoke(engine, references)
        except (EngineError, TimeoutError) as error:
            print(error, file=sys.stderr)
            return 1
    return _show(rows, smoked, time.monotonic() - began, machine=arguments.json)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser("make images", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    everything = commands.add_parser("all", help="build, check and run")
    everything.add_argument("--base", default="", help="stand on this image, not on ours")
    everything.add_argument(
        "--fresh", action="store_true", help="with Debian's newest packages in builder and base"
    )
    everything.add_argument("--native", action="store_true", help=f"only for {HOST.name}")
    everything.add_argument(
        "--only", nargs="+", choices=IMAGES, metavar="SERVICE", help="build and check, run none"
    )
    played = commands.add_parser("play", help="run the Deployments of a render")
    played.add_argument(
        "--render",
        type=Path,
        required=True,
        help="deploy/k8s/rendered/{dev,staging,production}.yaml",
    )
    floor = commands.add_parser("floor", help="count the brain's instructions on each processor")
    for each in (everything, played, floor):
        each.add_argument("--json", action="store_true", help="print one object for machines")
    return parser.parse_args()


def _build(engine: Engine, arguments: argparse.Namespace) -> list[Row]:
    wanted = [
        (image, arch)
        for image in IMAGES.values()
        if image.service in (arguments.only or IMAGES)
        for arch in image.arches
        if arch == HOST.name or (engine.is_podman and not (arguments.native or arguments.base))
    ]
    _say("making the builder, and what images stand on", arguments)
    arches = {arch for _, arch in wanted}
    make.prepare(engine, arches, arguments.base, fresh=arguments.fresh)
    rows = []
    for image, arch in wanted:
        _say(f"building {image.name} for {arch}", arguments)
        rows.append(_read(engine, make.build(engine, image, arch, arguments.base)))
    return rows


def _read(engine: Engine, built: make.Built) -> Row:
    """Looks at an image; its files are exported once."""
    image = built.image
    names = modules.forbidden(make.ROOT, image) if built.arch == HOST.name else []
    with engine.exported(built.reference) as archive:
        found = check.contents(built, archive)
        ran = "here" if built.arch == HOST.name else emulated(built.arch, archive)
    needed = modules.needed(make.ROOT, image)
    there = check.importable(engine, built, names) if names else []
    return Row(
        image=image.name,
        arch=built.arch,
        base=built.base,
        base_mb=engine.size(built.base) / MB,
        added_mb=built.added / MB,
        budget_mb=image.budget_mb,
        objects=found.objects,
        packages=len(found.distributions),
        forbidden=len(names),
        ran=ran,
        faults=[
            *found.faults,
            *check.labels(engine, built, make.version()),
            *(f"{name} is missing" for name in sorted(needed - found.distributions)),
            *(f"{name} is not needed" for name in sorted(found.distributions - needed)),
            *(f"{name} can be imported" for name in there),
            *([] if built.within_budget else [f"it adds more than {image.budget_mb} MB"]),
        ],
    )


def _say(text: str, arguments: argparse.Namespace) -> None:
    if not arguments.json:
        print(text, flush=True)


def _show(rows: list[Row], smoked: Smoked | None, seconds: float, *, machine: bool) -> int:
    faults = [f"{row.image} ({row.arch}): {fault}" for row in rows for fault in row.faults]
    if smoked:
        ran = smoked.services
        faults += [f"omega-{each.service}: {fault}" for each in ran for fault in each.faults]
        faults += smoked.loop.faults()
    if machine:
        run = asdict(smoked) if smoked else {}
        found = {"images": [asdict(row) for row in rows], **run, "faults": faults}
        print(json.dumps({**found, "seconds": seconds}))
        return int(bool(faults))
    print(f"\nbase {rows[0].base}: {rows[0].base_mb:.1f} MB")
    print(f"{'image':<26}{'for':<7}{'adds':>10}{'budget':>9}{'.so':>6}{'packages':>10}"
          f"{'absent':>8}  ran")  # fmt: skip
    for row in rows:
        print(f"{row.image:<26}{row.arch:<7}{row.added_mb:>7.1f} MB{row.budget_mb:>6} MB"
              f"{row.objects:>6}{row.packages:>10}{row.forbidden:>8}  {row.ran}")  # fmt: skip
    if smoked:
        _show_smoked(smoked)
    return _end(faults, seconds)


def _show_smoked(smoked: Smoked) -> None:
    print(f"\n{'service':<20}{'user':>6}  {'health':<9}{'a real call':<46}{'in flight':>9}"
          f"{'lost':>6}{'exit':>6}")  # fmt: skip
    for ran in smoked.services:
        end = ran.drained
        told = f"{end.in_flight:>9}{end.lost:>6}{end.exit_code:>6}" if end else ""
        health = "serving" if ran.healthy else "no"
        print(f"{ran.service:<20}{ran.user:>6}  {health:<9}{ran.called:<46}{told}")
    loop = smoked.loop
    print(f"\nthe loop: {loop.devices} TVs in a round, {loop.patterns} patterns and factors"
          f" {loop.factors_version} came back, in {loop.seconds:.1f} s")  # fmt: skip


def _show_play(found: Play, *, machine: bool) -> int:
    faults = [f"{each.name}: {fault}" for each in found.workloads for fault in each.faults]
    faults += found.loop.faults()
    if machine:
        print(json.dumps({**asdict(found), "faults": faults}))
        return int(bool(faults))
    for workload in found.workloads:
        asked = ", ".join(f"{name} {said or 'good'}" for name, said in workload.probes.items())
        print(f"{workload.name:<20}{asked or 'ended with 0'}")
    loop = found.loop
    print(f"end to end over published ports: {loop.devices} TVs in a round, {loop.patterns}"
          f" patterns and factors {loop.factors_version} came back")  # fmt: skip
    for each in STAND_INS:
        print(f"stand-in: {each}")
    left = ", ".join(f"{number} {kind}" for kind, number in found.left_out.items())
    print(f"not tried: {left}")
    return _end(faults, loop.seconds)


def _end(faults: list[str], seconds: float) -> int:
    for fault in faults:
        print(f"FAULT {fault}")
    print(f"{'failed' if faults else 'good'}, {seconds:.0f} s")
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main())
