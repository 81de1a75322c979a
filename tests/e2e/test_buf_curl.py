"""A client that shares no code with the project, `buf curl`, calls each service by its contract."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

from omega_cli.demo.cluster import Cluster
from omega_rpc.device_keys import DeviceKey

ROOT = Path(__file__).parents[2]
NOT_FOUND = 5


def _call(address: str, method: str, **request: object) -> tuple[int, dict[str, Any]]:
    """Exit code and the answer or error of one call; buf multiplies a status by 8."""
    command = [
        str(Path(sys.prefix) / "bin" / "buf"),
        "curl",
        "--schema",
        str(ROOT / "proto"),
        "--protocol",
        "grpc",
        "--http2-prior-knowledge",
        "--timeout",
        "20s",
        "-d",
        json.dumps(request),
        f"http://{address}/{method}",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    return done.returncode, json.loads(done.stdout or done.stderr)


def test_each_service_answers_buf_curl() -> None:
    with Cluster("lexical") as cluster:
        brain = cluster.brain("curl").address
        title = {"contentId": "local:1", "title": "A", "kind": "CONTENT_KIND_MOVIE"}
        code, answer = _call(brain, "omega.brain.v1.BrainService/UpsertContents", contents=[title])
        assert (code, answer["added"]) == (0, 1)
        code, answer = _call(brain, "omega.brain.v1.BrainService/GetRecommendations", limit=3)
        assert code == 0
        assert answer["recommendations"][0]["contentId"] == "local:1"

        code, answer = _call(
            cluster.sync.address,
            "omega.sync.v1.SyncService/RegisterDevice",
            requestId=str(uuid.uuid4()),
            csr=base64.b64encode(DeviceKey.generate().csr()).decode(),
        )
        assert code == 0
        assert answer["deviceId"].startswith("tv-")

        code, answer = _call(
            cluster.constellation.address,
            "omega.constellation.v1.ConstellationService/GetClusterStatus",
            maxDevices=10,
        )
        assert (code, answer["totalDevices"]) == (0, "1")
        assert len(answer["devices"]) == 1

        code, answer = _call(
            cluster.worker.address, "omega.federation.v1.FederationService/GetRound", roundId=1
        )
        assert code == 8 * NOT_FOUND
        assert answer["code"] == "not_found"
