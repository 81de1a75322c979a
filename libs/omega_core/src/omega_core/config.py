"""Settings: frozen dataclasses read from environment variables, one variable a field.

A field `max_patterns` of a class read with prefix OMEGA_BRAIN_ is OMEGA_BRAIN_MAX_PATTERNS. A class
checks its own bounds in __post_init__ with omega_core.validate, so a wrong value names its field.
"""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Mapping
from pathlib import Path
from types import NoneType
from typing import TYPE_CHECKING, Any, TypeVar

from omega_core.errors import invalid

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

C = TypeVar("C", bound="DataclassInstance")


def variable(prefix: str, field: str) -> str:
    """Name of the environment variable behind a field."""
    return prefix + field.upper()


def load(cls: type[C], prefix: str, environ: Mapping[str, str]) -> C:
    """Reads `cls` from `environ`; absent variables keep the field's default.

    Fields may be str, int, float, bool (true/false) or Path, or one of them or None.

    Raises:
        OmegaError: INVALID_FIELD that names the variable when a value has the wrong form or a
            field without a default is absent, or the field when it breaks a bound.
    """
    hints = typing.get_type_hints(cls)
    given: dict[str, object] = {}
    for f in dataclasses.fields(cls):
        name = variable(prefix, f.name)
        if name in environ:
            given[f.name] = _parse(name, _without_none(hints[f.name]), environ[name])
        elif f.default is f.default_factory is dataclasses.MISSING:
            raise invalid(name, "set")
    return cls(**given)


def _without_none(hint: Any) -> Any:
    """Path of `Path | None`; any other type as it is."""
    return next((kind for kind in typing.get_args(hint) if kind is not NoneType), hint)


def _parse(name: str, kind: Any, value: str) -> object:
    if kind is bool:
        if value.lower() not in {"true", "false"}:
            raise invalid(name, "true or false")
        return value.lower() == "true"
    if kind is Path:
        return Path(value)
    try:
        return kind(value)
    except ValueError:
        raise invalid(name, {int: "an integer", float: "a number"}.get(kind, "valid")) from None
