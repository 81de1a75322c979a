"""The table meta: its keys, and the statement that sets one."""

from __future__ import annotations

SET = "INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value"
"""Sets a key (first parameter) to a value (second)."""

SCHEMA_VERSION = "schema_version"
"""Equal to `PRAGMA user_version`: a damaged header shows by disagreeing."""
LINEAGE = "lineage"
"""UUID of the database's line of history."""
OPENED_AT = "opened_at"
"""Instant of the last start."""
BACKUP_TAKEN_AT = "backup_taken_at"
"""In a backup only: the instant it shows."""
BACKUP_WRITES = "backup_writes"
"""In a backup only: the transactions that it holds."""
ERASURE = "erasure"
"""JSON: request_id, rows, files and instant of the last erasure of the household."""
UNCLEAN = "unclean"
"""There while files may still hold bytes of what was erased; nothing is served before they do not.
"""
STATE_VERSION = "state_version"
"""Version of the global patterns."""
STATE_MODEL = "state_model_version"
"""Encoder of the global patterns."""
TRENDS_AT = "trends_at"
"""Microseconds since 1970 at which the scores of the trends held."""
REGISTERED_REGION = "registered_region"
"""Region that the fleet was told; absent = none."""
REGISTER_REQUEST_ID = "register_request_id"
"""Idempotency key of the registration."""
DEVICE_ID = "device_id"
"""What the fleet knows this TV by."""
AUTH_TOKEN = "auth_token"  # noqa: S105 - a key of the table, no secret
"""Its secret."""
DEVICE_KEY = "device_key"
"""Its key, PEM."""
CERTIFICATES = "certificates"
"""JSON: its certificate chain, base64 of DER, its own first; absent = none."""
CREDENTIALS_SINCE = "credentials_since"
"""Instant at which token and certificates were given out."""
CREDENTIALS_UNTIL = "credentials_until"
"""Instant at which the first of them ends; absent = it was not told."""
NOISE_ID = "noise_id"
"""UUID of the noise of all sketches together; dropped with it."""
PUSHES_MADE = "pushes_made"
"""Pushes that were made of it."""
PUSHED_BYTES = "pushed_bytes"
"""Total of serialised sync requests."""
PULLED_BYTES = "pulled_bytes"
"""Total of serialised sync responses."""
RESOURCE_BYTES = "resource_bytes"
"""Total of resource bodies."""
LAST_SYNC_AT = "last_sync_at"
"""Instant of the last successful sync."""
LAST_SYNC_ERROR = "last_sync_error"
"""Public text of the last sync's error."""
SYNC_NOT_BEFORE = "sync_not_before"
"""Instant before which the fleet does not want to be asked."""
CONSENT_GIVEN = "consent_given"
"""There when the household has consented."""
CONSENT_REFUSED = "consent_refused"
"""There when it has refused or taken its consent back."""
METERED = "metered"
"""1 when bytes cost money on this network, 0 when firmware says that they do not."""
REPORT_KEY = "report_key"
"""Hexadecimal key of the chance in reports; never leaves the TV."""
REPORT = "report"
"""JSON: the last report that was drawn, and whether it was acknowledged."""
PAIR_BATCHES = "pair_batches"
"""Batches of reports of pairs that were made."""
PAIR_LINEAGE = "pair_lineage"
"""Line of history in which reports of pairs were last looked at."""
PAIR_TOKENS_LEFT = "pair_tokens_left"
"""An epoch, and how many tokens this TV may still have in it."""
PAIRS_JOINED = "pairs_joined"
"""There when tokens were asked for under the present identity."""
PAIRS_BLOCKED = "pairs_blocked"
"""There while keys differ: nothing is reported."""
PAIRS_FORGOTTEN = "pairs_forgotten"
"""There when this database has forgotten which pairs were told (`pair_mark`)."""
PAIR_PREPARE_AT = "pair_prepare_at"
"""Instant from which on the next reports of pairs are made."""
PAIR_PREPARE_ERROR = "pair_prepare_error"
"""Public text of the error for which the last ones were not made."""
PAIR_SEND_ERROR = "pair_send_error"
"""Public text of the error for which the last one was not taken."""
TRANSPORT = "transport"
"""Name of the transport that worked last, where it is not the preferred one."""
TRANSPORT_SINCE = "transport_since"
"""Instant since which it is used."""

INTEGERS = frozenset(
    {
        SCHEMA_VERSION,
        STATE_VERSION,
        PUSHES_MADE,
        PAIR_BATCHES,
        TRENDS_AT,
        PUSHED_BYTES,
        PULLED_BYTES,
        RESOURCE_BYTES,
        BACKUP_WRITES,
    }
)
"""Keys whose value is a whole number."""
INSTANTS = frozenset(
    {
        OPENED_AT,
        BACKUP_TAKEN_AT,
        LAST_SYNC_AT,
        SYNC_NOT_BEFORE,
        PAIR_PREPARE_AT,
        TRANSPORT_SINCE,
        CREDENTIALS_SINCE,
        CREDENTIALS_UNTIL,
    }
)
"""Keys whose value is an instant in ISO 8601."""
IMPERSONAL = frozenset(
    {
        SCHEMA_VERSION,
        LINEAGE,
        OPENED_AT,
        BACKUP_TAKEN_AT,
        BACKUP_WRITES,
        ERASURE,
        UNCLEAN,
        STATE_VERSION,
        STATE_MODEL,
        TRENDS_AT,
        # The same as LINEAGE, of which the mark beside the database tells too.
        PAIR_LINEAGE,
        # A refusal that an erasure took back would not be one.
        CONSENT_REFUSED,
        METERED,
        # Of the fleet's catalogue, as the brain notes them.
        "catalogue_version",
        "catalogue_sha256",
        "centring_mean",
        "centring_model_version",
    }
)
"""Keys that stay when the household is erased. Any other key goes, also one unknown here."""
