"""Renders of deploy/k8s as committed; `make manifests` holds them to what kustomize makes."""

from __future__ import annotations

import pytest
from k8s_rules.combinations import committed
from k8s_rules.objects import Render


@pytest.fixture(scope="session")
def renders() -> dict[str, Render]:
    """Every combination by its name; not to be changed."""
    return committed()
