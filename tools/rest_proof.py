"""Calls the REST API of a real fleet as schemathesis finds it in the OpenAPI document.

Requests are made from the document, good and bad ones, with a token of an admin; every answer is
held to the document: statuses, media types, bodies, and that a bad request is refused, a good one
is not, and nothing answers without a token.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

import httpx
from proof_site import proof_site

ROOT = Path(__file__).resolve().parents[1]
SCHEMATHESIS = ROOT / ".venv-rest" / "bin" / "schemathesis"


def main() -> int:
    """Runs it; returns the exit code of schemathesis."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=60, help="an operation (default 60)")
    parser.add_argument("--seed", type=int, default=1, help="of what is drawn (default 1)")
    arguments = parser.parse_args()
    if not SCHEMATHESIS.exists():
        print("schemathesis is missing: make rest-proof-setup")
        return 1
    with proof_site() as site:
        headers = {"Authorization": f"Bearer {site.token('admin')}"}
        served = httpx.get(f"{site.url}/api/v1/openapi.json").json()
        operations = sum(len(path) for path in served["paths"].values())
        print(f"{operations} operations at {site.url}, {arguments.examples} examples each")
        command = [
            str(SCHEMATHESIS),
            "--config-file",
            str(ROOT / "tools" / "schemathesis.toml"),
            "run",
            f"{site.url}/api/v1/openapi.json",
            "--header",
            f"Authorization: {headers['Authorization']}",
            "--max-examples",
            str(arguments.examples),
            "--seed",
            str(arguments.seed),
        ]
        code = subprocess.run(command, check=False, cwd=site.folder).returncode
        if code == 0:
            healthy = httpx.get(f"{site.url}/api/v1/health", headers=headers).json()
            print(f"the console is {healthy['status']} after it")
    return code


if __name__ == "__main__":
    sys.exit(main())
