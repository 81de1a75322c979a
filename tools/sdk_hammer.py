"""Calls libomega_tv from a hundred threads while the brain is killed and comes back, many times.

Once with AddressSanitizer and UndefinedBehaviorSanitizer, once with ThreadSanitizer.
"""

from __future__ import annotations

import argparse
import json
import random
import sys

from omega_testing import c_build, c_hammer
from omega_testing.c_build import ROOT
from omega_testing.c_household import household

FOLDER = ROOT / "build" / "omega_sdk_hammer"
BUILDS = {
    "address,undefined": ("-DOMEGA_TV_SANITIZE=ON",),
    "thread": ("-DCMAKE_C_FLAGS=-fsanitize=thread -g", "-DOMEGA_TV_EXAMPLES=OFF"),
}
"""Sanitizers -> options for CMake."""
SHORTEST, LONGEST = 0.0, 2.0
"""Seconds that the brain stays up."""


def main() -> int:
    """Prints a line a build; 1 when a call crashed, hung, raced or gave another code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20, help="kills of the brain a build")
    parser.add_argument("--json", action="store_true", help="print one object for machines")
    arguments = parser.parse_args()
    if c_build.lacking(["gcc"], "apt-get install gcc libc6-dev"):
        return 2
    found: dict[str, list[str]] = {}
    rng = random.Random(5)  # noqa: S311 - chooses when
    for sanitizers, options in BUILDS.items():
        built = c_build.make(FOLDER / sanitizers.replace(",", "-"), *options)
        flags = f"-fsanitize={sanitizers}"
        program = c_hammer.compiled(built, built.folder / "hammer", flags)
        up = [rng.uniform(SHORTEST, LONGEST) for _ in range(arguments.kills)]
        with household() as home:
            found[sanitizers] = c_hammer.strike([program], home, up, patience=120)
    ok = not any(found.values())
    if arguments.json:
        print(json.dumps({"proof": "sdk-hammer", "ok": ok, "kills": arguments.kills} | found))
        return int(not ok)
    for sanitizers, wrong in found.items():
        said = "\n".join(wrong) or "no crash, no hang, the right codes"
        print(f"100 threads, {arguments.kills} kills, -fsanitize={sanitizers}: {said}")
    return int(not ok)


if __name__ == "__main__":
    sys.exit(main())
