"""Settings of the brain, read from OMEGA_BRAIN_*."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from omega_core import validate
from omega_core.errors import invalid


@dataclass(frozen=True)
class BrainConfig:
    """Everything a TV maker may set."""

    storage_path: Path = Path("/data/omega")
    """Directory of the database, its backup and the index; one brain owns it."""
    encoder: str = "auto"
    """"auto" (MiniLM where installed, else lexical), "minilm" or "lexical"."""
    cache_dir: Path | None = None
    """Where `omega model install` put the model; absent = its default place."""
    hnsw_m: int = 32
    """Links a node of the vector index, 4 to 64."""
    hnsw_ef_construction: int = 200
    """Candidates looked at when a vector is added, 8 to 1,000."""
    hnsw_ef: int = 100
    """Candidates looked at in a search, 8 to 1,000."""
    sync_target: str = ""
    """HOST:PORT of the sync service; empty = the brain keeps to itself."""
    sync_tls_ca: Path | None = None
    """PEM certificates that sign the sync service; needed where it is not on this machine."""
    sync_interval_seconds: int = 600
    """Mean time between syncs, 10 to 86,400; each wait is drawn from 0.5 to 1.5 times it. 0 = only
    when SyncNow is called."""
    enrolment_key_file: Path | None = None
    """File with the operator's enrolment key, where one is asked for."""
    platform: str = ""
    """Name of the device's platform, told at registration; at most 64 characters."""
    consent: bool = True
    """False: nothing the household likes leaves, in no form; news are still pulled."""
    sigma: float = 5.0
    """Noise of the sketches, 0.5 to 64; 6 = strict."""
    backup_interval_seconds: int = 3_600
    """Time between backups of the database, 10 to 604,800; one is also made at a clean stop."""

    def __post_init__(self) -> None:
        if self.encoder not in {"auto", "minilm", "lexical"}:
            raise invalid("encoder", "auto, minilm or lexical")
        validate.integer("hnsw_m", self.hnsw_m, 4, 64)
        validate.integer("hnsw_ef_construction", self.hnsw_ef_construction, 8, 1_000)
        validate.integer("hnsw_ef", self.hnsw_ef, 8, 1_000)
        if self.sync_interval_seconds:
            validate.integer("sync_interval_seconds", self.sync_interval_seconds, 10, 86_400)
        validate.identifier("platform", self.platform, 64, optional=True)
        validate.number("sigma", self.sigma, 0.5, 64)
        validate.integer("backup_interval_seconds", self.backup_interval_seconds, 10, 604_800)
