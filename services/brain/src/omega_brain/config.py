"""Settings of the brain, read from OMEGA_BRAIN_*."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from omega_brain import endpoint, transports, zone
from omega_core import limits, validate
from omega_core.errors import invalid
from omega_privacy import Detail, Sharing, SketchPolicy
from omega_privacy.response import MAX_EPSILON, MIN_EPSILON


@dataclass(frozen=True)
class BrainConfig:
    """Everything a TV maker may set."""

    storage_path: Path = Path("/data/omega")
    """Directory of the database, its backup and the index; one brain owns it."""
    encoder: str = "auto"
    """"auto" (MiniLM where installed, else lexical), "minilm" or "lexical"."""
    cache_dir: Path | None = None
    """Where `omega model install` put the model; absent = its default place."""
    dimension: int = limits.DIMENSION
    """Width of every vector: 384, as the contracts say; any other value is refused."""
    hnsw_m: int = 32
    """Links a node of the vector index, 4 to 64."""
    hnsw_ef_construction: int = 200
    """Candidates looked at when a vector is added, 8 to 1,000."""
    hnsw_ef: int = 100
    """Candidates looked at in a search, 8 to 1,000."""
    max_patterns: int = 10_000
    """Most taste patterns, and most causal edges, 16 to 1,000,000; of least value out first."""
    recommend_timeout_ms: int = 15
    """Time for an answer, 1 to 10,000 ms; when it is over a simpler list is served."""
    max_storage_mb: int = 512
    """Size of the storage directory, 64 to 1,048,576 MB; above it the oldest and least valuable
    rows go."""
    max_watchers: int = 4
    """WatchRecommendations streams at once, 0 to 64; each holds one of the WORKERS."""
    constellation_url: str = "https://constellation.omega.tv"
    """The fleet's sync service: https://HOST[:PORT], or http://HOST:PORT on this machine, at most
    300 characters; empty = the brain keeps to itself."""
    constellation_mtls_url: str = ""
    """The fleet's sync service for TVs that show a certificate: https://HOST[:PORT]. Empty = the TV
    shows a token, and proves its key with each call."""
    constellation_http_url: str = ""
    """The fleet's sync service over HTTP/3 and HTTP/1.1, for networks that block gRPC; as
    CONSTELLATION_URL. Empty = gRPC alone."""
    transports: str = "grpc,h3,http1"
    """Ways to the fleet in the order in which they are tried: grpc, h3 and http1."""
    constellation_tls_ca: Path | None = None
    """PEM certificates that sign it; absent = the public ones."""
    sync_interval_secs: int = 600
    """Mean time between syncs, 10 to 86,400; each wait is drawn from 0.5 to 1.5 times it, after a
    failure from 0 to as much as 6 times it. 0 = only when SyncNow is called."""
    factors_hours: float = 24.0
    """Period in which one newer version of the fleet's factors is fetched, 0 to 720 hours, at a
    time of its own for each TV; 0 = at once."""
    catalogue_hours: float = 6.0
    """The same for catalogue and codebook."""
    claim_file: Path | None = None
    """File with the one-time claim that the operator gave this TV, where one is asked for; read
    when the TV registers."""
    enrolment_key_file: Path | None = None
    """File with the operator's enrolment key, where one is asked for."""
    platform: str = ""
    """Name of the device's platform, told at registration; at most 64 characters."""
    region: str = ""
    """Coarse region of the TV, such as a country's code, told at registration for regional trends;
    at most 16 characters of [A-Za-z0-9-], empty = not told."""
    timezone: str = ""
    """Zone of the IANA database, such as Europe/Paris, for months and holidays; empty = the
    system's."""
    consent: bool = True
    """Until the household chooses (SetSyncOptions). False: nothing is sent; with SHARING
    receive-only, news are still pulled."""
    metered: bool = False
    """Until firmware says (SetSyncOptions). True: bytes cost money on this network, so that no
    resource is fetched; exchanges go on."""
    sharing: str = "sketches"
    """"sketches", "strict" (more noise), "receive-only" (nothing leaves) or "threshold" (reports of
    pairs, which nobody reads before enough TVs have sent the same)."""
    sigma: float | None = None
    """Noise of the sketches, 0.5 to 64, to the hundredth; absent = 5. Strict sketches have at least
    6."""
    share_delay_hours: float = 24.0
    """Longest time that a sketch waits before it may leave, 0 to 168 hours; each waits a random
    time from a twelfth of it on. 0 = it leaves at the next sync. Of reports of pairs, the time over
    which those of a day leave; 0 = at once."""
    share_classes: str = "full"
    """"full", "coarse" or "none": how much of success rate and sample count travels."""
    relay_url: str = ""
    """The relay that hands reports of pairs on: https://HOST[:PORT], or http://HOST:PORT on this
    machine; must be set with SHARING threshold."""
    relay_tls_ca: Path | None = None
    """PEM certificates that sign it; absent = the public ones."""
    randomness_url: str = ""
    """The randomness server of such reports; as RELAY_URL. Neither is run by the fleet's operator.
    """
    randomness_tls_ca: Path | None = None
    """PEM certificates that sign it; absent = the public ones."""
    pair_bytes_a_day: int = 4_000
    """Most bytes that reports of pairs cost a day (UTC), 1,000 to 1,000,000: serialised requests
    and answers for reports, coins, tokens and keys."""
    report_epsilon: float = 1.0
    """Epsilon of the one randomised bit a day that says, where the fleet asks how a new version
    fares, whether a recommended title was watched, 0.1 to 3, to the hundredth; 0 = it is never
    sent."""
    min_samples: int = 3
    """Least viewings behind the taste pattern of a title that is reported, 1 to 1,000."""
    backup_interval_seconds: int = 3_600
    """Time between backups of the database, 10 to 604,800; one is also made at a clean stop."""

    def __post_init__(self) -> None:
        if self.encoder not in {"auto", "minilm", "lexical"}:
            raise invalid("encoder", "auto, minilm or lexical")
        if self.dimension != limits.DIMENSION:
            raise invalid("dimension", f"{limits.DIMENSION}, the width of the contracts")
        validate.integer("hnsw_m", self.hnsw_m, 4, 64)
        validate.integer("hnsw_ef_construction", self.hnsw_ef_construction, 8, 1_000)
        validate.integer("hnsw_ef", self.hnsw_ef, 8, 1_000)
        validate.integer("max_patterns", self.max_patterns, 16, 1_000_000)
        validate.integer("recommend_timeout_ms", self.recommend_timeout_ms, 1, 10_000)
        validate.integer("max_storage_mb", self.max_storage_mb, 64, 1_048_576)
        validate.integer("max_watchers", self.max_watchers, 0, 64)
        validate.text("constellation_url", self.constellation_url, 300)
        endpoint.parse(self.constellation_url)
        endpoint.parse(self.constellation_mtls_url, "constellation_mtls_url")
        endpoint.parse(self.constellation_http_url, "constellation_http_url")
        transports.order(self.transports)
        if self.sync_interval_secs:
            validate.integer("sync_interval_secs", self.sync_interval_secs, 10, 86_400)
        validate.number("factors_hours", self.factors_hours, 0, 720)
        validate.number("catalogue_hours", self.catalogue_hours, 0, 720)
        validate.identifier("platform", self.platform, 64, optional=True)
        validate.region("region", self.region)
        zone.zone_of(self.timezone)
        validate.integer("min_samples", self.min_samples, 1, 1_000)
        if self.sigma is not None:
            validate.number("sigma", self.sigma, 0.5, 64)
        if self.sharing not in set(Sharing):
            raise invalid("sharing", "sketches, strict, receive-only or threshold")
        for name in ("relay_url", "randomness_url"):
            found = endpoint.parse(getattr(self, name), name)
            if found is None and self.sharing == Sharing.THRESHOLD:
                raise invalid(name, "given where OMEGA_BRAIN_SHARING is threshold")
        validate.integer("pair_bytes_a_day", self.pair_bytes_a_day, 1_000, 1_000_000)
        if self.share_classes not in set(Detail):
            raise invalid("share_classes", "full, coarse or none")
        if self.report_epsilon:
            validate.number("report_epsilon", self.report_epsilon, MIN_EPSILON, MAX_EPSILON)
        validate.number("share_delay_hours", self.share_delay_hours, 0, 168)
        validate.integer("backup_interval_seconds", self.backup_interval_seconds, 10, 604_800)

    def policy(self) -> SketchPolicy:
        """What may leave the TV."""
        return SketchPolicy.of(
            Sharing(self.sharing),
            sigma=self.sigma,
            consent=self.consent,
            min_samples=self.min_samples,
            detail=Detail(self.share_classes),
        )
