"""What an image must not import, from the distributions of the development install."""

from __future__ import annotations

from importlib.metadata import distribution, packages_distributions
from pathlib import Path

from images.closure import canonical, resolve, split
from images.plan import PYTHON, Image
from packaging.requirements import Requirement

from omega_testing.sources import distributions

_THERE = {"python_version": PYTHON, "python_full_version": f"{PYTHON}.0"}
"""What requirements that depend on Python find in an image; this machine's may be newer."""
NEVER = ("ensurepip", "pip", "setuptools", "wheel")
"""What installs software, in no image; some machines' Python has it, some's does not."""


def needed(root: Path, image: Image) -> set[str]:
    """Names of all distributions that an image holds, ours and others'.

    Raises:
        importlib.metadata.PackageNotFoundError: one is not installed here.
    """
    found = resolve(root, image.requirements)
    return set(found.ours) | _closure(found.others)


def forbidden(root: Path, image: Image) -> list[str]:
    """Modules of the development install that an image has no distribution for.

    A name that several distributions share, such as `google`, is left out where one of them is
    in the image.
    """
    allowed = needed(root, image)
    providers = {name: set(map(canonical, by)) for name, by in packages_distributions().items()}
    for each in distributions(root):
        providers[each.package] = {canonical(str(each.project["name"]))}
    absent = {name for name, by in providers.items() if not by & allowed and name.isidentifier()}
    return sorted(absent | set(NEVER) | set(image.forbidden))


def _closure(requirements: frozenset[str]) -> set[str]:
    """What requirements on others' distributions need in turn."""
    seen: dict[str, frozenset[str]] = {}
    waiting = [split(requirement) for requirement in requirements]
    while waiting:
        name, extras = waiting.pop()
        new = extras - seen.get(name, frozenset())
        if name in seen and not new:
            continue
        seen[name] = seen.get(name, frozenset()) | extras
        for text in distribution(name).requires or ():
            requirement = Requirement(text)
            asked = (requirement.marker is None) or any(
                requirement.marker.evaluate({**_THERE, "extra": extra})
                for extra in ("", *seen[name])
            )
            if asked:
                waiting.append((canonical(requirement.name), frozenset(requirement.extras)))
    return set(seen)
