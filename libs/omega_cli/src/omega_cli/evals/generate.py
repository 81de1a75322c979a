"""`omega eval generate`: made-up viewings of a year over the project's own titles."""

from __future__ import annotations

import argparse

from omega_core.errors import invalid
from omega_eval.sample import load_sample
from omega_eval.tvlike import TRUTH, generate, write


def run(arguments: argparse.Namespace) -> int:
    """Writes the folder.

    Raises:
        OmegaError: INVALID_FIELD when a number is out of bounds or the folder cannot be one.
    """
    if arguments.out.exists() and not arguments.out.is_dir():
        raise invalid("out", "a folder")
    year = generate(load_sample(), arguments.households, arguments.seed)
    write(year, arguments.out)
    viewings = sum(len(each.events) for each in year.households)
    print(
        f"{viewings:,} viewings of {len(year.households):,} made-up households in {arguments.out}; "
        f"what was planted stands in {TRUTH}"
    )
    return 0
