"""Certificates of an authority made for one test."""

from __future__ import annotations

import os
from pathlib import Path

import trustme


class Certificates:
    """PEM files for TLS and mutual TLS on localhost, 127.0.0.1 and ::1.

    Args:
        directory: made if absent; holds the files.
    """

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self._authority = authority = trustme.CA()
        self.ca = directory / "ca.pem"
        """The authority's certificate."""
        authority.cert_pem.write_to_path(str(self.ca))
        server = authority.issue_cert("localhost", "127.0.0.1", "::1")
        self.server_certificate, self.server_key = write_leaf(server, directory, "server")
        self.renew_client()

    def renew_client(self) -> None:
        """Puts another certificate of the client, with its key, into the same files."""
        client = self._authority.issue_cert("client@omega.test")
        self.client_certificate, self.client_key = write_leaf(client, self._directory, "client")


def write_leaf(
    leaf: trustme.LeafCert, directory: Path, name: str, owner: tuple[int, int] | None = None
) -> tuple[Path, Path]:
    """Writes a chain, and its key, which nobody else may read; their files.

    Args:
        leaf: what an authority issued.
        directory: of the files.
        name: of both, before their suffixes.
        owner: user and group of the key; None = whoever runs this.
    """
    chain, key = directory / f"{name}.pem", directory / f"{name}.key"
    for position, pem in enumerate(leaf.cert_chain_pems):
        pem.write_to_path(str(chain), append=position > 0)
    leaf.private_key_pem.write_to_path(str(key))
    key.chmod(0o600)
    if owner:
        os.chown(key, *owner)
    return chain, key
