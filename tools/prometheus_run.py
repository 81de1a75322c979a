"""A real Prometheus over processes of this machine, with the project's scrape config and rules."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml
from dashboards.queries import RULES

from omega_core.closing import Closing
from omega_testing.processes import free_port
from omega_testing.supervised import Supervised

CONFIG = RULES.with_name("prometheus.yaml")
SCRAPE_SECONDS = 1
"""Time between two scrapes, and between two evaluations of the rules."""
_START_SECONDS = 30.0


@dataclass(frozen=True)
class Target:
    """A process that is scraped as if it were a pod."""

    address: str
    """HOST:PORT of its metrics."""
    service: str
    """Label app.kubernetes.io/name of the pod, such as "sync"."""
    labels: Mapping[str, str]
    """Its other labels, by their names in Prometheus: region, shard."""


class Prometheus(Closing):
    """Scrapes the targets; a context manager.

    What Kubernetes would tell of pods is told by a list here; all else of the config is the
    project's own, relabelling too.

    Args:
        folder: for its config, data and log.
        targets: whom to scrape.

    Raises:
        RuntimeError: it does not get ready; the text ends with its log.
    """

    def __init__(self, folder: Path, targets: list[Target]) -> None:
        address = f"127.0.0.1:{free_port()}"
        config = folder / "prometheus.yaml"
        config.write_text(yaml.safe_dump(_config(targets)), "utf-8")
        self._process = Supervised(
            [
                *(
                    shutil.which("prometheus") or "prometheus",
                    f"--config.file={config}",
                    f"--storage.tsdb.path={folder / 'tsdb'}",
                ),
                *(f"--web.listen-address={address}", "--log.level=warn"),
            ],
            {"PATH": "/usr/bin:/bin"},
            output=folder / "prometheus.out",
            log=folder / "prometheus.log",
            directory=folder,
        )
        self._client = httpx.Client(base_url=f"http://{address}", timeout=20)
        try:
            self._wait()
        except BaseException:
            self.close()
            raise

    def query(self, expr: str) -> list[float]:
        """The value of each series of an instant query.

        Raises:
            ValueError: Prometheus refuses it; the text says why.
        """
        result = self._asked("query", query=expr)
        if result["resultType"] == "scalar":
            return [float(result["result"][1])]
        return [float(series["value"][1]) for series in result["result"]]

    def values(self, label: str, series: str) -> list[str]:
        """The values of a label among series."""
        found: list[str] = self._asked(f"label/{label}/values", **{"match[]": series})
        return found

    def rules(self) -> list[dict[str, Any]]:
        """How the last evaluation of each rule went."""
        groups = self._asked("rules")["groups"]
        return [rule for group in groups for rule in group["rules"]]

    def _asked(self, path: str, **parameters: str) -> Any:
        answer = self._client.get(f"/api/v1/{path}", params=parameters).json()
        if answer["status"] != "success":
            raise ValueError(answer["error"])
        return answer["data"]

    def _wait(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                if self._client.get("/-/ready").is_success:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.1)
        raise RuntimeError(f"prometheus did not get ready:\n{self._process.tail()}")

    def close(self) -> None:
        """Stops it."""
        self._client.close()
        self._process.stop()


def _config(targets: list[Target]) -> dict[str, Any]:
    """The project's config, with a list in place of Kubernetes and a second in place of 30."""
    config: dict[str, Any] = yaml.safe_load(CONFIG.read_text("utf-8"))
    every = f"{SCRAPE_SECONDS}s"
    config["global"] = {"scrape_interval": every, "evaluation_interval": every}
    config["rule_files"] = [str(RULES)]
    (scrape,) = config["scrape_configs"]
    del scrape["kubernetes_sd_configs"]
    scrape["static_configs"] = [
        {"targets": [target.address], "labels": _pod(target, number)}
        for number, target in enumerate(targets)
    ]
    return config


def _pod(target: Target, number: int) -> dict[str, str]:
    """What discovery would tell of a pod."""
    prefix = "__meta_kubernetes_pod_"
    return {
        "__meta_kubernetes_namespace": "omega-tv",
        f"{prefix}name": f"{target.service}-{number}",
        f"{prefix}container_port_name": "metrics",
        f"{prefix}label_app_kubernetes_io_name": target.service,
        **{f"{prefix}label_omega_tv_{name}": value for name, value in target.labels.items()},
    }
