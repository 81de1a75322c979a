"""A real console over HTTP, in front of a real constellation with a real database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from omega_console.app import build as build_console
from omega_console.config import ConsoleConfig
from omega_constellation.app import build as build_constellation
from omega_constellation.config import ConstellationConfig
from omega_rpc.config import ServerConfig
from omega_rpc.local_operators import ISSUER, OperatorKey, key_set
from omega_rpc.service import Application
from omega_testing.postgres import EmbeddedPostgres

UNKNOWN = f"tv-{'0' * 32}"
"""A device that nobody registered."""


@dataclass
class Site:
    """Where the console listens, and who may sign its tokens."""

    url: str
    """Of the console, without a path."""
    key: OperatorKey
    """Signs tokens that it believes."""
    jwks: Path
    """The key set that it reads."""
    constellation: str
    """Address of the constellation behind it."""
    options: dict[str, Any] = field(default_factory=dict)
    """Of every client."""

    def token(self, role: str = "viewer", *, subject: str = "ada", hours: float = 1) -> str:
        """A token that is good."""
        return self.key.sign(subject, [role], datetime.now(UTC), timedelta(hours=hours))

    def client(self, role: str = "", **headers: str) -> httpx.Client:
        """A client of the API that is signed in with a role; empty = with none."""
        given = {"Authorization": f"Bearer {self.token(role)}"} if role else {}
        return httpx.Client(
            base_url=f"{self.url}/api/v1/", headers=given | headers, timeout=20, **self.options
        )


@contextmanager
def serving(application: Application) -> Iterator[str]:
    """Runs a service in this process; gives its address."""
    try:
        address = application.server.start()
        application.started()
        yield address
    finally:
        application.stopping()
        application.server.stop()
        application.close()


Start = Callable[..., Site]


def begin(stack: ExitStack, database_url: str, folder: Path, server: Any, settings: Any) -> Site:
    """Starts a constellation, and a console before it."""
    constellation = build_constellation(
        ConstellationConfig(database_url=database_url), ServerConfig("127.0.0.1:0", grace_seconds=0)
    )
    behind = stack.enter_context(serving(constellation))
    key = OperatorKey.generate()
    jwks = folder / "operators.jwks"
    jwks.write_bytes(key_set([key]))
    given = {
        "jwks": str(jwks),
        "issuer": ISSUER,
        "constellation_target": behind,
        "encoder": "lexical",
        **settings,
    }
    console = build_console(
        ConsoleConfig(**given),
        ServerConfig(**{"listen": "127.0.0.1:0", "grace_seconds": 1, **server}),
    )
    scheme = "https" if "tls_certificate" in server else "http"
    return Site(f"{scheme}://{stack.enter_context(serving(console))}", key, jwks, behind)


@pytest.fixture
def start(database_url: str, tmp_path: Path) -> Iterator[Start]:
    """Starts a site; arguments are settings of the console, `server` those of its listener."""
    with ExitStack() as stack:
        yield lambda *, server=None, **settings: begin(
            stack, database_url, tmp_path, server or {}, settings
        )


@pytest.fixture(scope="session")
def shared_site(
    postgres: EmbeddedPostgres, template_database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """A site that tests share: for requests that are refused, or change nothing."""
    url = postgres.create_database("console", template_database)
    rates = {"failures_per_minute": 10_000.0, "failure_burst": 10_000}
    with ExitStack() as stack:
        yield begin(stack, url, tmp_path_factory.mktemp("console"), {}, rates)


@pytest.fixture
def site(start: Start) -> Site:
    """A site with the settings of most tests."""
    return start()


@pytest.fixture
def viewer(site: Site) -> Iterator[httpx.Client]:
    """A client that may read."""
    with site.client("viewer") as client:
        yield client


@pytest.fixture
def operator(site: Site) -> Iterator[httpx.Client]:
    """A client that may do what can be undone."""
    with site.client("operator") as client:
        yield client


@pytest.fixture
def admin(site: Site) -> Iterator[httpx.Client]:
    """A client that may do everything."""
    with site.client("admin") as client:
        yield client
