"""Renders every combination of deploy/k8s, and holds the renders to schemas and rules.

Usage: tools/k8s_manifests.py [--write]. Without --write it fails where a committed render is not
what kustomize makes today. Runs in .venv-manifests; nothing is asked of any network.
"""

from __future__ import annotations

import copy
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from k8s_rules import complaints
from k8s_rules.combinations import COMBINATIONS, K8S, RENDERED, committed
from k8s_rules.objects import Object, Render, title
from k8s_rules.schemas import VERSIONS, Schemas

INSTALL = (
    "kubectl is missing: curl -fLo /usr/local/bin/kubectl "
    "https://dl.k8s.io/release/v1.33.6/bin/linux/amd64/kubectl && chmod +x /usr/local/bin/kubectl"
)
ALERTS = K8S.parent / "prometheus" / "rules.yaml"
_ALERTING = K8S / "components" / "monitoring" / "rules"
_COMPONENT = """# Written from deploy/prometheus/rules.yaml by `make manifests-write`.
apiVersion: kustomize.config.k8s.io/v1alpha1
kind: Component
resources:
  - alerts.yaml
"""
_HEAD = """# Written from deploy/prometheus/rules.yaml by `make manifests-write`.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: omega-tv
  namespace: omega-tv
  labels:
    app.kubernetes.io/part-of: omega-tv
spec:
"""


def main() -> int:
    """Returns the exit code."""
    if shutil.which("kubectl") is None:
        print(INSTALL, file=sys.stderr)
        return 1
    write = sys.argv[1:] == ["--write"]
    wrong = [*alerts(write=write), *renders(write=write)]
    if not wrong:
        schemas = Schemas()
        for name, render in committed().items():
            began = time.monotonic()
            found = [*schemas.complaints(render), *complaints(render)]
            wrong += [f"{name}: {text}" for text in found]
            seconds = time.monotonic() - began
            print(f"{name}: {len(render.objects)} objects, {len(found)} faults, {seconds:.1f} s")
        wrong += sound(schemas)
    print("\n".join(wrong), file=sys.stderr)
    return int(bool(wrong))


def alerts(*, write: bool) -> Iterator[str]:
    """Makes a PrometheusRule of the rules of Prometheus, or says where it is another."""
    lines = ALERTS.read_text("utf-8").splitlines()
    body = "".join(f"  {line}".rstrip() + "\n" for line in lines)
    files = {"kustomization.yaml": _COMPONENT, "alerts.yaml": _HEAD + body}
    yield from _put(_ALERTING, files, write=write)


def renders(*, write: bool) -> Iterator[str]:
    """Renders each combination, or says which committed one is another."""
    files = {}
    for name, folder in COMBINATIONS.items():
        done = subprocess.run(
            ["kubectl", "kustomize", str(K8S / folder)],  # noqa: S607 - wherever it is installed
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            yield f"{name}: {done.stderr.strip()}"
        else:
            files[f"{name}.yaml"] = done.stdout
    yield from _put(RENDERED, files, write=write)


def _put(folder: Path, files: dict[str, str], *, write: bool) -> Iterator[str]:
    if write:
        folder.mkdir(exist_ok=True)
        for path in folder.iterdir():
            if path.name not in files:
                path.unlink()
        for name, text in files.items():
            (folder / name).write_text(text, "utf-8")
    there = {path.name: path.read_text("utf-8") for path in folder.iterdir()}
    for name in sorted(there.keys() | files.keys()):
        if there.get(name) != files.get(name):
            yield f"{folder.name}/{name} is stale: make manifests-write"


def sound(schemas: Schemas) -> Iterator[str]:
    """Breaks an object of each kind in several ways; says which break no schema sees."""
    kinds: dict[tuple[str, str], Object] = {}
    for render in committed().values():
        for each in render.objects:
            kinds.setdefault((each["apiVersion"], each["kind"]), each)
    broken = 0
    for each in kinds.values():
        for how, wrong in _broken(each):
            broken += 1
            if not list(schemas.complaints(Render("broken", (wrong,)))):
                yield f"{title(each)}: no schema sees {how}"
    print(f"{broken} broken objects of {len(kinds)} kinds, each tried on {' and '.join(VERSIONS)}")


def _broken(each: Object) -> Iterator[tuple[str, Object]]:
    """An object with one fault: a field that is not known, a value of another type, no name."""
    for how, path, value in (
        ("a field that is not known", ("unheardOf",), True),
        ("a label that is no text", ("metadata", "labels"), {"a": 1}),
        ("a name that is no text", ("metadata", "name"), 7),
        *((("a spec that is a text", ("spec",), "x"),) if "spec" in each else ()),
        *(
            (("a field of the spec that is not known", ("spec", "unheardOf"), 1),)
            if "spec" in each
            else ()
        ),
    ):
        wrong = copy.deepcopy(each)
        place: Any = wrong
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = value
        yield how, wrong


if __name__ == "__main__":
    sys.exit(main())
