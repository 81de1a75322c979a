"""Wire codecs shared by TV and constellation."""

from omega_delta.catalogue import CataloguePack, decode_catalogue, encode_catalogue
from omega_delta.catalogue_delta import (
    CatalogueDelta,
    CatalogueTitles,
    apply_catalogue_delta,
    decode_catalogue_delta,
    encode_catalogue_delta,
    titles_sha256,
)
from omega_delta.content import content_from_proto, content_to_proto
from omega_delta.envelope import STATE_BYTES, announce, most_sketches, room
from omega_delta.event import (
    context_from_proto,
    context_to_proto,
    event_from_proto,
    event_to_proto,
)
from omega_delta.factor_delta import apply_factor_delta, encode_factor_delta, factors_sha256
from omega_delta.factors import FactorPack, coarse, decode_factors, encode_factors
from omega_delta.pages import PAGE_BYTES, join_state_deltas, state_pages
from omega_delta.profile import profile_from_proto, profile_to_proto
from omega_delta.state import (
    GlobalPattern,
    StateDelta,
    Trend,
    Trends,
    decode_state_delta,
    encode_state_delta,
)
from omega_delta.zstd import compress, decompress

__all__ = [
    "PAGE_BYTES",
    "STATE_BYTES",
    "CatalogueDelta",
    "CataloguePack",
    "CatalogueTitles",
    "FactorPack",
    "GlobalPattern",
    "StateDelta",
    "Trend",
    "Trends",
    "announce",
    "apply_catalogue_delta",
    "apply_factor_delta",
    "coarse",
    "compress",
    "content_from_proto",
    "content_to_proto",
    "context_from_proto",
    "context_to_proto",
    "decode_catalogue",
    "decode_catalogue_delta",
    "decode_factors",
    "decode_state_delta",
    "decompress",
    "encode_catalogue",
    "encode_catalogue_delta",
    "encode_factor_delta",
    "encode_factors",
    "encode_state_delta",
    "event_from_proto",
    "event_to_proto",
    "factors_sha256",
    "join_state_deltas",
    "most_sketches",
    "profile_from_proto",
    "profile_to_proto",
    "room",
    "state_pages",
    "titles_sha256",
]
