"""Which kustomizations are rendered, and where the renders lie."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from k8s_rules.objects import Render

K8S = Path(__file__).resolve().parents[2] / "deploy" / "k8s"
RENDERED = K8S / "rendered"
COMBINATIONS: Mapping[str, str] = {
    "cluster": "cluster",
    "dev": "overlays/dev",
    "staging": "overlays/staging",
    "production": "overlays/production",
    "fleet": "combinations/fleet",
    "shard-eu-7": "overlays/shards/eu-7",
    "randomness": "parties/randomness",
    "relay": "parties/relay",
    "threshold": "combinations/threshold",
}
"""Render -> folder that `kubectl kustomize` makes it from."""
RELEASED = ("production", "fleet", "shard-eu-7")
"""Those that TVs of households call, so that images stand by digest once they are released."""


def committed() -> dict[str, Render]:
    """Every render, as it is committed."""
    return {name: Render.read(RENDERED / f"{name}.yaml") for name in COMBINATIONS}
