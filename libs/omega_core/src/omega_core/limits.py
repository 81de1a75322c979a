"""Bounds of the contracts in one place; proto/ states the same numbers in its comments."""

from __future__ import annotations

DIMENSION = 384
"""Width of every embedding."""
SKETCH_BYTES = DIMENSION // 8
"""Bytes of one sketch: a bit a dimension."""
MIN_DEVICES = 3
"""Least number of distinct devices behind anything given out."""

MAX_ID = 128
"""Longest content id, in characters."""
MAX_SHORT_ID = 64
"""Longest event, session, provider or model id, in characters."""
MAX_TITLE = 300
"""Longest title, in characters."""
MAX_DESCRIPTION = 2_000
"""Longest description, in characters."""
MAX_GENRES = 16
"""Most genres a title."""
MAX_PROVIDERS = 32
"""Most providers a title."""
MAX_AGE = 21
"""Highest age rating, in years."""
MAX_PROFILES = 16
"""Most profiles a household."""
MAX_BLOCKED_GENRES = 64
"""Most genres that a profile blocks."""
MAX_WATCH_SECONDS = 86_400
"""Longest viewing, in seconds."""
MAX_INTERACTIONS = 10_000
"""Most keys pressed during one viewing."""
MAX_QUERY = 256
"""Longest query text, in characters."""
MAX_CATALOGUE = 80_000
"""Most titles in a catalogue."""

MAX_CLAIM = 64
"""Longest one-time claim, in characters."""
MAX_CSR = 2_048
"""Longest certificate signing request, in bytes."""

MAX_SYNC_REQUEST = 1_024
"""Largest serialised SyncRequest, in bytes."""
MAX_SYNC_ANSWER = 5_120
"""Largest serialised answer with news to a TV that states a codec, in bytes."""
MAX_PAGES = 128
"""Most pages of news."""
MAX_GATEWAY_REQUEST = 65_536
"""Largest message of a TV that a gateway reads at all, in bytes."""
MAX_PUSH_SKETCHES = 20
"""Most sketches a push."""
MAX_CLASS = 31
"""Highest class byte of a sketch."""
MIN_SIGMA = 50
"""Least noise scale of sketches, in hundredths."""
MAX_SIGMA = 6_400
"""Greatest noise scale of sketches, in hundredths."""
MIN_EPSILON = 10
"""Least epsilon of a report, in hundredths."""
MAX_EPSILON = 300
"""Greatest epsilon of a report, in hundredths."""
MAX_PERIOD = 65_535
"""Last day of a report, in days since 1970-01-01."""
MAX_HELD = 8
"""Most held resources a request."""
MAX_VERSION = 2**63 - 1
"""Highest version of anything."""
MAX_REGION = 16
"""Longest name of a region, in characters."""
MAX_TRENDS = 32
"""Most trends that a TV holds."""
MAX_DELTA = 65_536
"""Largest compressed StateDelta, in bytes."""
MAX_DELTA_RAW = 262_144
"""Largest decompressed StateDelta, in bytes."""
MAX_RESOURCE = 67_108_864
"""Largest resource body as transferred, in bytes."""
MAX_RESOURCE_RAW = 268_435_456
"""Largest decompressed resource body, in bytes."""
MAX_CODEBOOK = 1_048_576
"""Largest codebook, in bytes."""
MAX_CHUNK = 262_144
"""Largest resource chunk, in bytes."""
MAX_MESSAGE = 4_194_304
"""Largest gRPC message, in bytes."""
