"""One more shard as a kustomize overlay: a constellation and a Postgres in a namespace of its own.

Names in it are those of every other shard, since namespaces keep them apart.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from omega_cli.capacity.inputs import Assumptions, Costs, Inputs
from omega_cli.capacity.model import Scenario, needs
from omega_core import validate
from omega_core.errors import invalid

DEVICES = 800_000
"""TVs of a shard, if nothing else is said."""
_LEAST_CORES, _LEAST_LOG = 2, 20
"""What the component asks for: the model counts what TVs cause, and neither vacuum nor archive."""
_REGION = re.compile(r"[a-z0-9]([a-z0-9-]{0,14}[a-z0-9])?\Z")
_COMPONENTS = (
    "postgres-cnpg",
    "postgres-backup",
    "network-policies/constellation",
    "mtls/constellation",
    "device-certificates/constellation",
    "external-secrets/constellation",
    "monitoring/constellation",
    "otel-collector/constellation",
    "release",
)


@dataclass(frozen=True)
class ShardPlan:
    """Which shard is written."""

    number: int
    """0 to 9,999."""
    region: str
    """Region of the directory, 1 to 16 characters of [a-z0-9-], no hyphen at either end."""
    devices: int = DEVICES
    """TVs that its database is sized for, 1,000 to 4,000,000."""

    def __post_init__(self) -> None:
        validate.integer("--id", self.number, 0, 9_999)
        if not _REGION.match(self.region):
            raise invalid("--region", "1 to 16 characters of [a-z0-9-], no hyphen at either end")
        validate.integer("--devices", self.devices, 1_000, 4_000_000)

    @property
    def name(self) -> str:
        """Name in the directory."""
        return f"{self.region}-{self.number}"

    @property
    def namespace(self) -> str:
        """Where it lives."""
        return f"omega-tv-{self.name}"

    @property
    def address(self) -> str:
        """Where gateways and other shards call it."""
        return f"constellation.{self.namespace}.svc:50051"


def files(plan: ShardPlan, up: str) -> dict[str, str]:
    """Files of the overlay by name.

    Args:
        plan: the shard.
        up: path from the overlay to the folder with base/ and components/.
    """
    return {
        "kustomization.yaml": _kustomization(plan, up),
        "constellation.yaml": _constellation(plan),
        "certificate.yaml": _certificate(plan),
        "backup.yaml": _backup(plan),
        "postgres.yaml": _postgres(plan),
    }


def _kustomization(plan: ShardPlan, up: str) -> str:
    components = "".join(f"  - {up}/components/{name}\n" for name in _COMPONENTS)
    said = f"--id {plan.number} --region {plan.region} --devices {plan.devices}"
    return f"""# Shard {plan.name}, by `omega k8s shard {said}`.
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: {plan.namespace}
labels:
  - pairs:
      omega.tv/shard: {plan.name}
      omega.tv/region: {plan.region}
    includeTemplates: true
resources:
  - {up}/base/namespace
  - {up}/base/constellation
components:
{components}patches:
  - path: constellation.yaml
    target:
      kind: Deployment
      name: constellation
  - path: certificate.yaml
    target:
      kind: Certificate
      name: constellation-tls
  - path: backup.yaml
    target:
      kind: ObjectStore
      name: postgres-backup
  - path: postgres.yaml
    target:
      kind: Cluster
      name: postgres
configMapGenerator:
  - name: constellation-settings
    namespace: omega-tv
    behavior: merge
    literals:
      - OMEGA_CONSTELLATION_MAX_DEVICES={plan.devices}
"""


def _constellation(plan: ShardPlan) -> str:
    return f"""apiVersion: apps/v1
kind: Deployment
metadata:
  name: constellation
spec:
  template:
    spec:
      containers:
        - name: constellation
          env:
            - name: OMEGA_CONSTELLATION_SHARD
              value: {plan.name}
"""


def _certificate(plan: ShardPlan) -> str:
    return f"""- op: replace
  path: /spec/dnsNames
  value:
    - localhost
    - constellation
    - constellation.{plan.namespace}.svc
    - constellation.{plan.namespace}.svc.cluster.local
"""


def _backup(plan: ShardPlan) -> str:
    return f"""- op: replace
  path: /spec/configuration/destinationPath
  value: s3://omega-tv-backups/{plan.name}
"""


def _postgres(plan: ShardPlan) -> str:
    assumed = Inputs.read(Assumptions).values
    at_once = plan.devices * assumed.hours_on / 24 * assumed.peak_factor
    asked = needs(Scenario("shard", plan.devices, at_once), Inputs.read(Costs).values, assumed)
    copies = assumed.postgres_copies
    disk, memory = (math.ceil(gib / copies) for gib in (asked.storage_gib, asked.postgres_gib))
    cores = max(math.ceil(asked.postgres_cores / copies), _LEAST_CORES)
    # Where the log waits while its archive is away.
    log = max(math.ceil(disk / 10), _LEAST_LOG)
    return f"""# `omega capacity` for {plan.devices:,} TVs, of which {at_once:,.0f} are on at once.
- op: replace
  path: /spec/storage/size
  value: {disk}Gi
- op: replace
  path: /spec/walStorage/size
  value: {log}Gi
- op: replace
  path: /spec/resources
  value:
    requests:
      cpu: "{cores}"
      memory: {memory}Gi
    limits:
      memory: {memory}Gi
- op: replace
  path: /spec/postgresql/parameters/shared_buffers
  value: {memory * 1024 // 4}MB
- op: replace
  path: /spec/postgresql/parameters/effective_cache_size
  value: {memory * 1024 * 2 // 3}MB
- op: replace
  path: /spec/postgresql/parameters/maintenance_work_mem
  value: {min(memory * 1024 // 16, 2048)}MB
- op: replace
  path: /spec/postgresql/parameters/max_wal_size
  value: {log * 2 // 5}GB
"""
