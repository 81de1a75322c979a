"""What the contracts say of their messages and fields, for the OpenAPI document.

Generated code carries no comments, but the stubs beside it do, as docstrings.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from google.protobuf.descriptor import Descriptor, ServiceDescriptor


def of_message(descriptor: Descriptor) -> str:
    """What a message is; empty where the stubs were left out of the installation."""
    return _texts(descriptor).get("", "")


def of_field(descriptor: Descriptor, field: str) -> str:
    """What a field is; empty where the stubs were left out of the installation."""
    return _texts(descriptor).get(field, "")


def of_method(service: ServiceDescriptor, method: str) -> str:
    """What a method does and how it may fail; empty where the stubs were left out."""
    stubs = _stub_file(service.file.name.removesuffix(".proto") + "_pb2_grpc")
    return _stubs(stubs).get(f"{service.name}Servicer", {}).get(method, "") if stubs else ""


def _texts(descriptor: Descriptor) -> Mapping[str, str]:
    stubs = _stub_file(descriptor.file.name.removesuffix(".proto") + "_pb2")
    return _stubs(stubs).get(descriptor.name, {}) if stubs else {}


def _stub_file(module: str) -> Path | None:
    """The stub beside a module of generated code that is loaded."""
    loaded = sys.modules.get(module.replace("/", "."))
    return Path(loaded.__file__).with_suffix(".pyi") if loaded and loaded.__file__ else None


@cache
def _stubs(path: Path) -> Mapping[str, Mapping[str, str]]:
    """Message -> field -> text; under the empty name that of the message itself."""
    try:
        tree = ast.parse(path.read_text("utf-8"))
    except OSError:
        return {}
    return {node.name: dict(_members(node)) for node in tree.body if isinstance(node, ast.ClassDef)}


def _members(node: ast.ClassDef) -> Iterator[tuple[str, str]]:
    yield "", _one_line(ast.get_docstring(node))
    for member, after in zip(node.body, [*node.body[1:], ast.Pass()], strict=True):
        if isinstance(member, ast.FunctionDef):
            yield member.name, _one_line(ast.get_docstring(member))
        elif isinstance(member, ast.AnnAssign) and isinstance(after, ast.Expr):
            text = ast.literal_eval(after.value)
            yield ast.unparse(member.target), _one_line(text)


def _one_line(text: str | None) -> str:
    return " ".join((text or "").split())
