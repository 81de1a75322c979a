"""`omega eval`."""

from __future__ import annotations

import argparse
from importlib import import_module
from pathlib import Path

from omega_cli.evals import attack_command

_DATA = "folder of MovieLens, or of viewings.csv and titles.csv (docs/evaluation.md)"
_CACHE = "where `omega model install` put the model; vectors of titles are kept there too"


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command."""
    parser = commands.add_parser("eval", help="measure quality offline, on data of this machine")
    what = parser.add_subparsers(metavar="WHAT", required=True)
    _add_quality(what)
    _study(what, "cold", "titles that nobody's likes have reached").add_argument(
        "--policy", default="sketches-4.5", help="how the fleet shares (%(default)s)"
    )
    _study(what, "global-time", "a server that learnt before an instant, lists for after it")
    _study(what, "ablation", "what each part of the ranking is worth").add_argument(
        "--policy", default="sketches-4.5", help="how the fleet shares (%(default)s)"
    )
    fleet = _study(what, "fleet", "an emulated fleet: quality over noise")
    fleet.add_argument("--devices", type=int, default=10_000, help="emulated devices (%(default)s)")
    fleet.add_argument(
        "--sigmas", default="4,4.5,5,6", help="noise scales, with commas (%(default)s)"
    )
    _add_tuning(what)
    _add_generate(what)
    attack_command.register(what)


def _study(
    what: argparse._SubParsersAction[argparse.ArgumentParser], name: str, text: str
) -> argparse.ArgumentParser:
    """A study with the flags that all have."""
    parser = what.add_parser(name, help=text)
    parser.add_argument("--data", type=Path, required=True, help=_DATA)
    parser.add_argument("--json", action="store_true", help="print one object for machines")
    parser.add_argument("--cache-dir", type=Path, help=_CACHE)
    parser.set_defaults(run=_run, module=name.replace("-", "_"))
    return parser


def _add_quality(what: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    quality = _study(what, "quality", "each sharing policy beside central systems")
    quality.add_argument(
        "--hold-out",
        choices=("last20", "loo"),
        default="last20",
        help="what is to be found: the last fifth of the likes, or the last one (%(default)s)",
    )
    quality.add_argument(
        "--level",
        choices=("test", "val"),
        default="test",
        help="test for figures, val (the same cut inside training) to pick settings (%(default)s)",
    )
    quality.add_argument(
        "--policies",
        default="sketches-3,sketches-4,sketches-4.5,sketches-5,sketches-6,sketches-8,receive-only",
        help="with commas (%(default)s)",
    )
    quality.add_argument(
        "--contributors",
        help="shares of the TVs that contribute, such as 0.1,0.25,0.5; the others are scored",
    )
    quality.add_argument(
        "--draws",
        type=int,
        default=3,
        help="draws of the noise, over which each policy's figures are averaged (%(default)s)",
    )
    quality.add_argument(
        "--codec",
        choices=("f16", "transform"),
        default="f16",
        help="transform: also what the transform codec costs the default policy (%(default)s)",
    )
    quality.add_argument("--plot", type=Path, help="a picture (.png or .svg) to draw")


def _add_tuning(what: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    tuning = what.add_parser("tuning", help="what self-tuning does for households of MovieLens")
    tuning.add_argument(
        "--data", type=Path, required=True, help="folder of MovieLens (ml-latest-small)"
    )
    tuning.add_argument(
        "--households", type=int, help="most households, drawn once and for all (default: all)"
    )
    tuning.add_argument("--json", action="store_true", help="print one object for machines")
    tuning.add_argument("--cache-dir", type=Path, help="where `omega model install` put the model")
    tuning.set_defaults(run=_run, module="tuning")


def _add_generate(what: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    generate = what.add_parser("generate", help="write made-up viewings of a year, as TVs see it")
    generate.add_argument("--out", type=Path, required=True, help="folder to write")
    generate.add_argument("--households", type=int, default=1_000, help="how many (%(default)s)")
    generate.add_argument("--seed", type=int, default=0, help="of every draw (%(default)s)")
    generate.set_defaults(run=_run, module="generate")


def _run(arguments: argparse.Namespace) -> int:
    # The measurements' dependencies come with the extra `demo`; other commands do without them.
    code: int = import_module(f"omega_cli.evals.{arguments.module}").run(arguments)
    return code
