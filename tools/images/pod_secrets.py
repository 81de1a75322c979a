"""Secrets that a render's pods name, and that a cluster would have."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme
from images.plan import USER
from images.pods import Pod
from images.site import Site

from omega_cli import certs
from omega_rpc.tokens import new_key_line


def make_secrets(place: Site, pods: list[Pod], authority: trustme.CA, jwks: bytes) -> None:
    """What cert-manager and the operator's store would put into the secrets that pods mount."""
    ca = authority.cert_pem.bytes()
    device = place.folder / "device"
    certs.make(device, ["localhost"], timedelta(days=1), datetime.now(UTC))
    made = {
        "sync-keys": {"token-keys": (new_key_line() + "\n").encode()},
        "device-ca": {
            "tls.crt": (device / "device-ca.pem").read_bytes(),
            "tls.key": (device / "device-ca.key").read_bytes(),
            "ca.crt": (device / "device-ca.pem").read_bytes(),
        },
    }
    for pod in pods:
        for name in pod.secrets:
            leaf = authority.issue_cert(pod.name, "localhost", "127.0.0.1")
            chain = b"".join(pem.bytes() for pem in leaf.cert_chain_pems)
            key = leaf.private_key_pem.bytes()
            usual = {"tls.crt": chain, "tls.key": key, "ca.crt": ca, "operators.jwks": jwks}
            write(place.folder / "secrets" / name, made.get(name, usual))


def write(folder: Path, files: Mapping[str, bytes]) -> None:
    """A folder as a pod mounts a secret: its files can be read by the service's group."""
    folder.mkdir(exist_ok=True)
    for name, data in files.items():
        path = folder / name
        path.write_bytes(data)
        path.chmod(0o440)
        os.chown(path, 0, USER)  # as fsGroup and defaultMode would have it
