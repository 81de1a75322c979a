"""Asks a real gateway by `openssl s_client` which versions and suites of TLS it agrees to."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from omega_cli.certs import make
from omega_rpc.tls import SUITES
from omega_rpc.tokens import new_key_line

AEAD = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305"
"""What an operator may allow beside TLS 1.3."""
CBC = "ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA:ECDHE-ECDSA-AES128-SHA256"
LISTENERS = ("listening", "mtls_listen", "http_listen")
ASKED = {
    "TLS 1.3": ["-tls1_3"],
    "TLS 1.2, AEAD": ["-tls1_2", "-cipher", AEAD],
    "TLS 1.2, CBC": ["-tls1_2", "-cipher", CBC],
    "TLS 1.1": ["-tls1_1", "-cipher", "DEFAULT:@SECLEVEL=0"],
}


def main() -> int:
    """Prints a table; returns 0 when all is as it must be."""
    if shutil.which("openssl") is None:
        print("openssl is missing: apt-get install openssl")
        return 1
    failures = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make(folder / "pki", ["localhost"], timedelta(days=1), datetime.now(UTC))
        for allowed in ("", AEAD):
            print(f"{SUITES}={allowed or '(not set)'}")
            with gateway(folder, allowed) as addresses:
                for listener in LISTENERS:
                    for asked, options in ASKED.items():
                        found = agreed(addresses[listener], options)
                        good = is_good(listener, asked, found, allowed)
                        failures += not good
                        print(
                            f"  {listener:<12} {asked:<14} {found or 'refused':<36}"
                            f" {'' if good else '<- WRONG'}"
                        )
    return int(failures > 0)


def is_good(listener: str, asked: str, found: str, allowed: str) -> bool:
    """Whether an answer is what is promised; only grpc's listeners heed what is allowed."""
    if asked == "TLS 1.3":
        return found.startswith("TLSv1.3")
    if asked == "TLS 1.2, AEAD" and allowed and listener != "http_listen":
        return found.startswith("TLSv1.2") and found.endswith(("GCM-SHA256", "POLY1305"))
    return not found


def agreed(address: str, options: list[str]) -> str:
    """Version and suite that openssl and a listener agree to; empty = it hangs up."""
    command = ["openssl", "s_client", "-connect", address, "-servername", "localhost"]
    done = subprocess.run(
        [*command, "-alpn", "h2", *options],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=30,
        check=False,
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("New, ")]
    words = lines[0].removeprefix("New, ").split(", Cipher is ") if lines else ["(NONE)"]
    return "" if words[0] == "(NONE)" else " ".join(words)


@contextmanager
def gateway(folder: Path, allowed: str) -> Iterator[dict[str, str]]:
    """Runs `omega-sync` with TLS on its listeners; gives their addresses."""
    keys = folder / "token-keys"
    keys.write_text(new_key_line())
    keys.chmod(0o600)
    pki = folder / "pki"
    inherited = {k: v for k, v in os.environ.items() if k != SUITES}
    settings = {
        "OMEGA_SYNC_TOKEN_KEYS": str(keys),
        "OMEGA_SYNC_LISTEN": "127.0.0.1:0",
        "OMEGA_SYNC_MTLS_LISTEN": "127.0.0.1:0",
        "OMEGA_SYNC_HTTP_LISTEN": "127.0.0.1:0",
        "OMEGA_SYNC_DEVICE_CA": str(pki / "device-ca.pem"),
        "OMEGA_SYNC_TLS_CERTIFICATE": str(pki / "server.pem"),
        "OMEGA_SYNC_TLS_KEY": str(pki / "server.key"),
        **({SUITES: allowed} if allowed else {}),
    }
    process = subprocess.Popen(
        [Path(sys.executable).with_name("omega-sync")],
        env={**inherited, **settings},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        said = process.stdout.readline() if process.stdout else ""
        yield json.loads(said)
    finally:
        process.terminate()
        process.communicate()


if __name__ == "__main__":
    sys.exit(main())
