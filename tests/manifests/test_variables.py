"""Variables of the manifests are those of the code, both ways."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
from image_names import ImageName
from k8s_rules.combinations import COMBINATIONS
from k8s_rules.objects import Render, Workload

from omega_console.config import ConsoleConfig
from omega_constellation.config import ConstellationConfig
from omega_core.config import load, variable
from omega_core.errors import OmegaError
from omega_federation_worker.config import FederationConfig
from omega_rpc.config import ServerConfig
from omega_sync.config import SyncConfig
from omega_testing.documents import table_rows

ROOT = Path(__file__).resolve().parents[2]

SERVICES: dict[str, tuple[str, type[Any]]] = {
    "omega-sync": ("OMEGA_SYNC_", SyncConfig),
    "omega-constellation": ("OMEGA_CONSTELLATION_", ConstellationConfig),
    "omega-federation-worker": ("OMEGA_FEDERATION_", FederationConfig),
    "omega-console": ("OMEGA_CONSOLE_", ConsoleConfig),
}
"""Image -> prefix and settings of the service in it."""
HIDDEN = "postgresql://omega@postgres/omega"
"""In place of what only the cluster knows."""
OTHERS = {
    "OMEGA_LOG_LEVEL": "docs/configuration.md, Everywhere",
    "OMEGA_LOG_FORMAT": "the same",
    "OMEGA_METRICS_LISTEN": "the same",
    "OTEL_EXPORTER_OTLP_ENDPOINT": "the same",
    "OTEL_METRICS_EXPORTER": "the same",
    "OTEL_TRACES_SAMPLER": "the same",
    "OTEL_TRACES_SAMPLER_ARG": "the same",
    "OPENBLAS_NUM_THREADS": "OpenBLAS, and omega_learn.cores",
    "PGSSLMODE": "libpq",
    "PGSSLROOTCERT": "libpq",
}
"""Variables that are no field of a service's settings -> who reads them."""
UNSET = {
    "OMEGA_*_REFLECTION": "off in production, and `omega` needs none",
    "OMEGA_*_WORKERS": "the defaults are what was measured",
    "OMEGA_*_MAX_CONCURRENT_RPCS": "the same",
    "OMEGA_*_TLS_CLIENT_CA": "of sync and console: TVs and browsers show no certificate there",
    "OMEGA_CONSOLE_HEALTH_LISTEN": "not heeded: the console's probes are of HTTPS",
    "OMEGA_*_MAX_CONNECTION_AGE_SECONDS": "of sync: its streams end by themselves; others have few",
    "OMEGA_SYNC_ENROLMENT_KEY_FILE": "one's own patch, with a Secret: most fleets use claims",
    "OMEGA_SYNC_AUDIT_LOG": "the log, which the cluster collects",
    "OMEGA_SYNC_RELAY_CALL*": "the defaults do for a relay of four million TVs",
    "OMEGA_CONSTELLATION_THRESHOLD*": "one's own patch, with a Secret: most fleets take no reports",
    "OMEGA_CONSTELLATION_RANDOMNESS_*": "the same",
    "OMEGA_CONSTELLATION_EPOCH_DAYS": "the same",
    "OMEGA_CONSTELLATION_GRACE_HOURS": "the same",
    "OMEGA_CONSTELLATION_TOKENS_PER_EPOCH": "the same",
    "OMEGA_SYNC_REGION": "settings of a region's gateways",
    "OMEGA_SYNC_QUIC_EARLY_DATA": "for a gateway of one replica only",
    "OMEGA_SYNC_TRUST_TRACES": "TVs are strangers: their traces would be sampled as they say",
    "OMEGA_SYNC_TOKEN_HOURS": "settings",
    "OMEGA_SYNC_DEVICE_*": "settings: limits",
    "OMEGA_SYNC_STREAM_*": "settings: limits",
    "OMEGA_SYNC_M[AO][XS]*": "settings: limits, by which the memory of a pod is reckoned",
    "OMEGA_SYNC_*_SECONDS": "settings: times",
    "OMEGA_SYNC_RESOURCE_CACHE_MB": "settings: limits, by which the memory of a pod is reckoned",
    "OMEGA_CONSTELLATION_RELEASE_*": "settings: releases by stages are switched on by hand",
    "OMEGA_CONSTELLATION_*_SECONDS": "settings: times",
    "OMEGA_CONSTELLATION_MOST_*": "settings: limits",
    "OMEGA_CONSTELLATION_POOL_SIZE": "settings: the rule `connections` reckons with it",
    "OMEGA_CONSTELLATION_TRANSACTION_POOLING": "settings, where a pooler stands before Postgres",
    "OMEGA_CONSTELLATION_RETENTION_DAYS": "settings",
    "OMEGA_CONSTELLATION_REQUIRE_CLAIM": "settings",
    "OMEGA_CONSTELLATION_DEVICE_CERTIFICATE_HOURS": "settings",
    "OMEGA_FEDERATION_*_SECONDS": "settings: times",
    "OMEGA_FEDERATION_THREADS": "settings: one shard at a time fits the memory of the pod",
    "OMEGA_FEDERATION_POOL_SIZE": "settings: the rule `connections` reckons with it",
    "OMEGA_FEDERATION_M[AI][XN]_*": "settings: learning, alike in all workers",
    "OMEGA_FEDERATION_SIGMA": "the same",
    "OMEGA_FEDERATION_LAM": "the same",
    "OMEGA_FEDERATION_RANK": "the same",
    "OMEGA_FEDERATION_DP_MU": "the same",
    "OMEGA_CONSOLE_AUDIENCE": "settings: what the provider of identities says",
    "OMEGA_CONSOLE_ROLE_*": "the same",
    "OMEGA_CONSOLE_JWKS_CA": "one's own patch, with a ConfigMap: for a provider with a private CA",
    "OMEGA_CONSOLE_*_SECONDS": "settings: times",
    "OMEGA_CONSOLE_UPLOAD_MB": "settings",
    "OMEGA_CONSOLE_ENCODER": "no upload of titles: the image holds no encoder",
    "OMEGA_CONSOLE_CACHE_DIR": "the same",
}
"""Variables that no manifest sets, by pattern -> why. "Settings" = any line of the ConfigMap
<service>-settings sets it."""
_VARIABLE = re.compile(r"^ENV (\w+)=(\S+)$", re.MULTILINE)


def ours(render: Render) -> Iterator[tuple[Workload, str, type[Any]]]:
    """Workloads that run the project's images, with prefix and settings of the service."""
    for work in render.workloads():
        image = ImageName.read(work.main["image"]).name
        if image in SERVICES:
            prefix, config = SERVICES[image]
            yield work, prefix, config


def of_image(work: Workload) -> dict[str, str]:
    """Variables that the image of a workload brings."""
    service = ImageName.read(work.main["image"]).name.removeprefix("omega-")
    dockerfile = ROOT / "deploy" / "images" / service / "Dockerfile"
    return dict(_VARIABLE.findall(dockerfile.read_text("utf-8")))


def known(prefix: str, config: type[Any]) -> set[str]:
    """Variables of a service's settings."""
    return {
        variable(prefix, field.name)
        for cls in (config, ServerConfig)
        for field in dataclasses.fields(cls)
    }


@pytest.mark.parametrize("name", COMBINATIONS)
def test_every_variable_is_read_by_its_service_and_holds_a_good_value(
    name: str, renders: dict[str, Render]
) -> None:
    render = renders[name]
    for work, prefix, config in ours(render):
        environ = {key: value or HIDDEN for key, value in render.environ(work).items()}
        assert set(environ) <= known(prefix, config) | OTHERS.keys(), work
        everything = {**of_image(work), **environ}
        load(config, prefix, everything)
        if not work.main.get("args"):  # one of a service's commands listens nowhere
            load(ServerConfig, prefix, everything)


def test_images_listen_to_the_world_and_so_need_a_certificate(renders: dict[str, Render]) -> None:
    for work, prefix, _ in ours(renders["production"]):
        assert of_image(work)[f"{prefix}LISTEN"].startswith("0.0.0.0:")
        with pytest.raises(OmegaError, match="until TLS is configured"):
            load(ServerConfig, prefix, of_image(work))


def test_every_variable_of_a_service_is_set_or_left_for_a_reason(
    renders: dict[str, Render],
) -> None:
    everything = {name for each in SERVICES.values() for name in known(*each)}
    found = {
        name
        for render in renders.values()
        for work, _, _ in ours(render)
        for name in render.environ(work)
    }
    left = everything - found
    assert {n for n in left if not any(fnmatch(n, pattern) for pattern in UNSET)} == set()
    assert {p for p in UNSET if not any(fnmatch(n, p) for n in left)} == set(), (
        "reasons for nothing"
    )


def test_variables_of_all_services_stand_in_the_page_of_settings() -> None:
    rows = table_rows((ROOT / "docs" / "configuration.md").read_text("utf-8"))
    said = {name for row in rows if "read by" in row.cells for name in row.code("variable")}
    assert {name for name in OTHERS if name.startswith(("OMEGA_", "OTEL_"))} <= said


def test_every_other_variable_is_set_somewhere(renders: dict[str, Render]) -> None:
    found = {
        name
        for render in renders.values()
        for work, _, _ in ours(render)
        for name in render.environ(work)
    }
    assert found >= OTHERS.keys()


def test_every_server_takes_the_settings_of_its_installation(renders: dict[str, Render]) -> None:
    for render in renders.values():
        for work, _, _ in ours(render):
            if work.kind == "Deployment":
                (source,) = work.main["envFrom"]
                assert source["configMapRef"]["name"].startswith(f"{work.name}-settings-")
