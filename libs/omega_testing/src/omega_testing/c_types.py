"""Types of omega_tv.h for ctypes, in the header's order."""

from __future__ import annotations

import ctypes as c

TEXT_SIZE = 512
ID_SIZE = 65
NAME_SIZE = 1201


class Status(c.Structure):
    """omega_status."""

    _fields_ = (("code", c.c_int), ("grpc", c.c_int), ("text", c.c_char * TEXT_SIZE))


class Context(c.Structure):
    """omega_context."""

    _fields_ = tuple(
        (name, c.c_int) for name in ("time_of_day", "day_type", "audience", "mood", "device_kind")
    )


class Title(c.Structure):
    """omega_title."""

    _fields_ = (
        ("content_id", c.c_char_p),
        ("title", c.c_char_p),
        ("reason", c.c_char_p),
        ("kind", c.c_int),
        ("year", c.c_uint32),
        ("score", c.c_double),
        ("reason_term", c.c_int),
    )


class Options(c.Structure):
    """omega_options."""

    _fields_ = (
        ("target", c.c_char_p),
        ("max_calls", c.c_uint32),
        ("fallback", c.POINTER(Title)),
        ("fallback_count", c.c_size_t),
    )


class ListRequest(c.Structure):
    """omega_list_request."""

    _fields_ = (
        ("limit", c.c_uint32),
        ("offset", c.c_uint32),
        ("context", Context),
        ("query_text", c.c_char_p),
        ("profile_id", c.c_char_p),
        ("cursor", c.c_char_p),
        ("exclude_content_ids", c.POINTER(c.c_char_p)),
        ("exclude_content_ids_count", c.c_size_t),
        ("available_services", c.POINTER(c.c_char_p)),
        ("available_services_count", c.c_size_t),
    )


class List(c.Structure):
    """omega_list."""

    _fields_ = (
        ("titles", c.POINTER(Title)),
        ("titles_size", c.c_size_t),
        ("text", c.c_void_p),
        ("text_size", c.c_size_t),
        ("titles_count", c.c_size_t),
        ("text_count", c.c_size_t),
        ("recommendation_id", c.c_char * ID_SIZE),
        ("next_cursor", c.c_char * ID_SIZE),
        ("mode", c.c_int),
        ("fallback", c.c_bool),
    )


class Event(c.Structure):
    """omega_event."""

    _fields_ = (
        ("event_id", c.c_char_p),
        ("content_id", c.c_char_p),
        ("watch_percentage", c.c_double),
        ("has_engagement", c.c_bool),
        ("engagement_score", c.c_double),
        ("occurred_at_ms", c.c_int64),
        ("session_id", c.c_char_p),
        ("recommendation_id", c.c_char_p),
        ("profile_id", c.c_char_p),
        ("context", Context),
        ("action", c.c_int),
        ("watch_seconds", c.c_uint32),
        ("interaction_count", c.c_uint32),
        ("source", c.c_int),
        ("verdict", c.c_int),
    )


class Observed(c.Structure):
    """omega_observed."""

    _fields_ = (
        ("event_id", c.c_char * ID_SIZE),
        ("reward", c.c_double),
        ("duplicate", c.c_bool),
        ("recommended_place", c.c_uint32),
    )


class Provider(c.Structure):
    """omega_provider."""

    _fields_ = (("provider_id", c.c_char_p), ("name", c.c_char_p), ("availability", c.c_int))


class Content(c.Structure):
    """omega_content."""

    _fields_ = (
        ("content_id", c.c_char_p),
        ("title", c.c_char_p),
        ("kind", c.c_int),
        ("genres", c.POINTER(c.c_char_p)),
        ("genres_count", c.c_size_t),
        ("year", c.c_uint32),
        ("country", c.c_char_p),
        ("description", c.c_char_p),
        ("providers", c.POINTER(Provider)),
        ("providers_count", c.c_size_t),
        ("is_rated", c.c_bool),
        ("minimum_age", c.c_uint32),
    )


class Upserted(c.Structure):
    """omega_upserted."""

    _fields_ = tuple((name, c.c_uint32) for name in ("added", "updated", "unchanged"))


class Synced(c.Structure):
    """omega_synced."""

    _fields_ = (
        ("pushed_sketches", c.c_uint32),
        ("pending_sketches", c.c_uint32),
        ("pulled_patterns", c.c_uint32),
        ("state_version", c.c_uint64),
        ("pushed_bytes", c.c_uint64),
        ("pulled_bytes", c.c_uint64),
        ("resource_bytes", c.c_uint64),
    )


class Stats(c.Structure):
    """omega_stats."""

    _fields_ = (
        ("model_version", c.c_char * NAME_SIZE),
        ("constellation_url", c.c_char * NAME_SIZE),
        ("last_sync_error", c.c_char * NAME_SIZE),
        ("mode", c.c_int),
        *(
            (name, c.c_uint64)
            for name in (
                "contents",
                "events",
                "liked",
                "taste_patterns",
                "global_patterns",
                "sketches_pending",
                "requests_served",
                "storage_bytes",
            )
        ),
        ("uptime_seconds", c.c_double),
        ("consent", c.c_bool),
        ("last_sync_at_ms", c.c_int64),
    )


class Cleared(c.Structure):
    """omega_cleared."""

    _fields_ = (("erased_rows", c.c_uint64), ("fleet_erasure_pending", c.c_bool))


STRUCTS = {
    "omega_status": Status,
    "omega_context": Context,
    "omega_title": Title,
    "omega_options": Options,
    "omega_list_request": ListRequest,
    "omega_list": List,
    "omega_event": Event,
    "omega_observed": Observed,
    "omega_provider": Provider,
    "omega_content": Content,
    "omega_upserted": Upserted,
    "omega_synced": Synced,
    "omega_stats": Stats,
    "omega_cleared": Cleared,
}
"""By their names in C."""
