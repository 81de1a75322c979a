"""Structure of objects: Kubernetes' own by kubernetes-validate, others by the files of k8s_schemas.

Both packages are of .venv-manifests.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import yaml

from k8s_rules.objects import Object, Render, title

VERSIONS = ("1.33", "1.37")
"""The oldest release of Kubernetes that the manifests are for, and a newer one."""
FOLDER = Path(__file__).resolve().parents[1] / "k8s_schemas"
WARNINGS: tuple[str, ...] = ()
"""Warnings of kubernetes-validate that are known, with why; none."""


class Schemas:
    """Knows what objects of each kind may hold, and refuses what it does not know."""

    def __init__(self) -> None:
        files = [yaml.safe_load(path.read_text("utf-8")) for path in sorted(FOLDER.glob("*.yaml"))]
        shared = {name: each for file in files for name, each in file.get("$defs", {}).items()}
        self.kinds: dict[str, Any] = {}
        """Validator by "apiVersion/Kind" of kinds that Kubernetes itself does not have."""
        for file in files:
            for key, schema in file.items():
                if key != "$defs":
                    whole = {**schema, "$defs": shared}
                    jsonschema.Draft202012Validator.check_schema(whole)
                    self.kinds[key] = jsonschema.Draft202012Validator(whole)

    def complaints(self, render: Render) -> Iterator[str]:
        """What is wrong with the structure of a render's objects."""
        for each in render.objects:
            own = self.kinds.get(f"{each['apiVersion']}/{each['kind']}")
            if own is None:
                for version in VERSIONS:
                    yield from _kubernetes(each, version)
                continue
            for error in own.iter_errors(each):
                where = "/".join(map(str, error.absolute_path))
                yield f"{title(each)}: {where}: {error.message}"


def _kubernetes(each: Object, version: str) -> Iterator[str]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            used = kubernetes_validate.validate(each, version, strict=True)
            if used != version:
                yield f"{title(each)}: {version}: it was held to {used}"
        except kubernetes_validate.ValidationError as error:
            where = "/".join(map(str, error.path))
            yield f"{title(each)}: {version}: {where}: {error.message}"
        except kubernetes_validate.SchemaNotFoundError:
            yield f"{title(each)}: {version}: no schema knows {each['apiVersion']}/{each['kind']}"
    for warning in caught:
        if str(warning.message) not in WARNINGS:
            yield f"{title(each)}: {version}: {warning.message}"
