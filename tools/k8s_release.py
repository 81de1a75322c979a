"""Says which images a release runs, each by digest, or checks that renders do.

Usage: tools/k8s_release.py VERSION IMAGE@sha256:DIGEST...
       tools/k8s_release.py --check RENDER.yaml...

IMAGEs are those of the production render, in whatever registry: their last part is their name.
Writes deploy/k8s/components/release; then `make manifests-write`. With --check, ends with 1 where
an image has no digest.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path

from image_names import ImageName
from k8s_rules.combinations import K8S
from k8s_rules.objects import Render
from k8s_rules.trust import pinned

_REFERENCE = re.compile(r"[^\s@]+@sha256:[0-9a-f]{64}\Z")
_IMAGE = re.compile(r"^ *(?:image|imageName): (\S+)$", re.MULTILINE)
_VERSION = re.compile(r"\d+\.\d+\.\d+([-+][0-9A-Za-z.-]+)?\Z")
_POSTGRES = "postgresql"
_MIGRATES = "omega-constellation"
RELEASE = K8S / "components" / "release" / "kustomization.yaml"


def main(words: Sequence[str]) -> int:
    """Returns the exit code."""
    if len(words) > 1 and words[0] == "--check":
        return check([Path(word) for word in words[1:]])
    if len(words) < 2 or not _VERSION.match(words[0]):  # noqa: PLR2004 - a version and an image
        print(__doc__)
        return 2
    try:
        text = component(words[0], words[1:], wanted())
    except ValueError as error:
        print(f"k8s_release: {error}", file=sys.stderr)
        return 1
    RELEASE.write_text(text, "utf-8")
    print("Now: make manifests-write, and commit.")
    return 0


def check(paths: Sequence[Path]) -> int:
    """Says what is not pinned in renders; 0 = nothing."""
    found = [f"{path.name}: {text}" for path in paths for text in pinned(Render.read(path))]
    print("\n".join(found) or "every image stands by digest")
    return int(bool(found))


def wanted() -> dict[str, str]:
    """Images of the manifests, by their names, as they are called before any release."""
    found = {}
    for folder in ("base", "components"):
        for path in sorted((K8S / folder).rglob("*.yaml")):
            if not {"postgres-dev", "release"}.intersection(path.parts):
                for image in _IMAGE.findall(path.read_text("utf-8")):
                    found[ImageName.read(image).name] = image
    return found


def component(version: str, references: Sequence[str], names: dict[str, str]) -> str:
    """The kustomize component of a release.

    Args:
        version: of the release.
        references: IMAGE@sha256:DIGEST, one for each image.
        names: what wanted() tells.

    Raises:
        ValueError: an image is missing, not known, there twice, or has no digest.
    """
    given: dict[str, ImageName] = {}
    for reference in references:
        if not _REFERENCE.match(reference):
            raise ValueError(f"{reference} is not IMAGE@sha256:DIGEST, of 64 hexadecimal digits")
        found = ImageName.read(reference)
        if found.name not in names or found.name in given:
            raise ValueError(f"{reference}: no manifest runs {found.name}, or it stands twice")
        given[found.name] = found
    missing = sorted(names.keys() - given.keys())
    if missing:
        raise ValueError(f"without a digest: {', '.join(missing)}")
    if not given[_POSTGRES].tag:
        raise ValueError(f"{_POSTGRES}: CloudNativePG tells its version by the tag")
    return _text(version, given, names)


def _text(version: str, given: dict[str, ImageName], names: dict[str, str]) -> str:
    entries = "".join(
        f"  - name: {ImageName.read(names[name]).repository}\n"
        f"    newName: {found.repository}\n    digest: {found.digest}\n"
        for name, found in sorted(given.items())
        if name != _POSTGRES
    )
    named = given[_MIGRATES].digest.partition(":")[2][:10]
    return f"""# Which images run. Written by tools/k8s_release.py; between releases it names none.
apiVersion: kustomize.config.k8s.io/v1alpha1
kind: Component
labels:
  - pairs:
      app.kubernetes.io/version: {version}
    includeTemplates: true
images:
{entries}patches:
  # A Job never changes: each release has one of its own.
  - target:
      kind: Job
      name: migrate
    options:
      allowNameChange: true
    patch: |
      - op: replace
        path: /metadata/name
        value: migrate-{named}
  # With its tag, by which CloudNativePG tells the version of Postgres.
  - target:
      kind: Cluster
      name: postgres
    patch: |
      - op: replace
        path: /spec/imageName
        value: {given[_POSTGRES]}
"""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
