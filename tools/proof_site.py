"""What several proofs begin with: a filled shard, or a small fleet with a console before it."""

from __future__ import annotations

import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from omega.federation.v1 import federation_service_pb2
from omega_cli.codebook import trained
from omega_cli.demo.cluster import Cluster
from omega_cli.demo.fleet import FleetTv, fetch_catalogue, for_each, settle
from omega_client import ConstellationClient, FederationClient, SyncClient
from omega_core.content import Content
from omega_core.vectors import FloatArray
from omega_embed import open_encoder
from omega_eval.sample import load_sample
from omega_eval.synthetic import synthetic_households
from omega_rpc.local_operators import ISSUER, OperatorKey, key_set
from omega_testing.news import catalogue_of
from omega_testing.processes import ServiceProcess
from omega_titles.importing import import_contents

TITLES = 150
"""Of the sample, that a fleet is filled with."""
_HOUSEHOLDS, _ROUNDS = 48, 3
_REGIONS = ("AT", "DE", "FR")


@dataclass(frozen=True)
class ProofSite:
    """Where the console listens, and tokens for it."""

    url: str
    """Of the console."""
    key: OperatorKey
    """Signs its tokens."""
    folder: Path
    """Scratch."""

    def token(self, role: str) -> str:
        """A token of an operator who is named like the role."""
        return self.key.sign(role, [role], datetime.now(UTC), timedelta(hours=1))


@dataclass(frozen=True)
class Filled:
    """What a fleet was filled with."""

    tvs: list[FleetTv]
    """Registered; each has pushed."""
    embeddings: dict[str, FloatArray]
    """Of the catalogue, by id of the title."""
    model_version: str
    """Of the catalogue's encoder."""


def say(text: str) -> None:
    """What is being done, apart from what is printed in the end."""
    print(text, file=sys.stderr, flush=True)


def sample_shard() -> tuple[list[Content], Callable[[ConstellationClient], None]]:
    """Titles of the sample, and what brings them with a codebook into a shard."""
    titles = load_sample()[:TITLES]
    encoder = open_encoder(kind="lexical")
    book, _ = trained(catalogue_of(titles, encoder), 0)

    def publish(client: ConstellationClient) -> None:
        import_contents(client, encoder, titles)
        client.publish_codebook(book.body)

    return titles, publish


@contextmanager
def proof_site() -> Iterator[ProofSite]:
    """Starts everything; stops it again at the end."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="omega-proof-")))
        cluster = stack.enter_context(Cluster("lexical"))
        fill(cluster)
        key = OperatorKey.generate()
        jwks = folder / "operators.jwks"
        jwks.write_bytes(key_set([key]))
        settings = {
            "OMEGA_CONSOLE_JWKS": str(jwks),
            "OMEGA_CONSOLE_ISSUER": ISSUER,
            "OMEGA_CONSOLE_LISTEN": "127.0.0.1:0",
            "OMEGA_CONSOLE_CONSTELLATION_TARGET": cluster.constellation.address,
            "OMEGA_CONSOLE_ENCODER": "lexical",
            # A proof shows many tokens that are refused.
            "OMEGA_CONSOLE_FAILURES_PER_MINUTE": "10000",
            "OMEGA_CONSOLE_FAILURE_BURST": "10000",
        }
        console = stack.enter_context(ServiceProcess(["omega-console"], settings, serving=False))
        yield ProofSite(f"http://{console.address}", key, folder)


def fill(cluster: Cluster) -> Filled:
    """Titles, TVs that push, and rounds between their pushes."""
    contents = load_sample()[:TITLES]
    encoder = open_encoder(kind="lexical")
    households = synthetic_households(contents, _HOUSEHOLDS, seed=5)
    tvs = [
        FleetTv(household.events, region=_REGIONS[number % len(_REGIONS)])
        for number, household in enumerate(households)
    ]
    with (
        SyncClient(cluster.sync.address) as sync,
        ConstellationClient(cluster.constellation.address) as constellation,
        FederationClient(cluster.worker.address) as worker,
    ):
        import_contents(constellation, encoder, contents)
        for_each(tvs, lambda tv: tv.register(sync), lambda: None)
        tv, told = settle(sync, constellation, encoder.model_version, tvs[0])
        pack, embeddings = fetch_catalogue(tv, sync, told)
        for number in range(_ROUNDS):
            part = tvs[number::_ROUNDS]
            for_each(part, lambda tv: tv.push(sync, embeddings, pack.model_version), lambda: None)
            worker.run_round(
                federation_service_pb2.RunRoundRequest(
                    request_id=str(uuid.uuid4()), refresh=number == 0
                )
            )
    return Filled(tvs, embeddings, pack.model_version)
