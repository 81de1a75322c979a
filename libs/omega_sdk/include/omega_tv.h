/**
 * @file omega_tv.h
 * libomega_tv: the recommender on a TV, for firmware in C.
 *
 * The brain is a process of its own (docs/firmware.md). This library calls it over a unix socket or
 * 127.0.0.1. It starts no thread, keeps no file, and needs no network.
 *
 * There are two ways in, which may be mixed:
 * - ten functions that take and give JSON and act on one brain: omega_init() and what follows it;
 * - a typed API on a handle, omega_client_open() and what follows it, without any global state.
 *
 * @par Return codes
 * Every function that returns an int gives one of ::omega_code. They follow from the brain's gRPC
 * status in this way:
 * | gRPC status | code |
 * |---|---|
 * | OK | OMEGA_OK |
 * | INVALID_ARGUMENT, NOT_FOUND, OUT_OF_RANGE | OMEGA_ERR_INVALID_ARG |
 * | UNAVAILABLE, DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, FAILED_PRECONDITION, ABORTED, CANCELLED, PERMISSION_DENIED, UNAUTHENTICATED | the code of the function: OMEGA_ERR_INIT, OMEGA_ERR_RECOMMEND, OMEGA_ERR_OBSERVE or OMEGA_ERR_SYNC; OMEGA_ERR_INTERNAL where it has none |
 * | UNKNOWN, ALREADY_EXISTS, UNIMPLEMENTED, INTERNAL, DATA_LOSS, any other | OMEGA_ERR_INTERNAL |
 *
 * A brain that is not up is UNAVAILABLE, one that is late DEADLINE_EXCEEDED; an answer that breaks
 * the contract is INTERNAL. omega_status::grpc tells them apart.
 *
 * @par Memory
 * A handle takes about 1 kB. Each call under way takes a connection of about 50 kB, nghttp2's
 * included; four are kept open in between. A request above 4 kB takes its size, 4 MiB at most,
 * until the call returns. Answers are read as they come and never held as a whole. A thread that
 * calls needs 32 kB of stack.
 *
 * @par Time
 * Every call has a deadline. Waiting for a connection, dialling and repeating all count towards it.
 * A connection that turns out to be dead is replaced, and the call sent again once: no call has
 * another effect when it arrives twice.
 *
 * @par Threads
 * Every function may be called from any thread at any time, except where it says otherwise. No call
 * waits for another, up to omega_options::max_calls at once; then for the first that ends.
 * The library holds no lock while it waits for the brain. Do not use a handle after fork().
 */
#ifndef OMEGA_TV_H
#define OMEGA_TV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define OMEGA_API __attribute__((visibility("default")))
#else
#define OMEGA_API
#endif

/** Version of the binary interface, as in the name of the library: libomega_tv.so.1. */
#define OMEGA_ABI_VERSION 1
/** Bytes of a text of an error, its end included. */
#define OMEGA_TEXT_SIZE 512
/** Bytes of an id that the brain or this library draws, its end included. */
#define OMEGA_ID_SIZE 65
/** Bytes of a name or URL in figures, its end included. */
#define OMEGA_NAME_SIZE 1201
/** Longest deadline, in milliseconds. */
#define OMEGA_MAX_TIMEOUT_MS 600000u

/** What a function returns. */
enum omega_code {
  OMEGA_OK = 0,                       /**< Done. */
  OMEGA_ERR_INIT = -1,                /**< The brain did not answer omega_init(). */
  OMEGA_ERR_RECOMMEND = -2,           /**< No list could be had. */
  OMEGA_ERR_OBSERVE = -3,             /**< The event was not stored; repeat it with its event_id. */
  OMEGA_ERR_SYNC = -4,                /**< No exchange with the fleet; the brain works on. */
  OMEGA_ERR_INVALID_ARG = -5,         /**< An argument or field is missing or out of bounds. */
  OMEGA_ERR_JSON_PARSE = -6,          /**< Not JSON, or a value of another type. */
  OMEGA_ERR_BUFFER_TOO_SMALL = -7,    /**< The answer does not fit; nothing of it was given. */
  OMEGA_ERR_NOT_INITIALIZED = -8,     /**< omega_init() has not been called. */
  OMEGA_ERR_ALREADY_INITIALIZED = -9, /**< omega_init() was called before. */
  OMEGA_ERR_INTERNAL = -10            /**< A defect, or what has no code of its own. */
};

/** @name Ten functions with JSON
 *
 * Numbers are written with a point in every locale; strings are UTF-8. Keys that are not listed are
 * passed over, as is null. A buffer gets the whole text and a NUL, or the empty string.
 * @{ */

/**
 * Connects to the brain at `<storage_path>/run/brain.sock` (OMEGA_BRAIN_LISTEN) and asks whether it
 * answers, within 2 seconds.
 *
 * @param storage_path     the brain's OMEGA_BRAIN_STORAGE_PATH
 * @param constellation_url where its owner takes the fleet to be: has to equal the brain's
 *                         OMEGA_BRAIN_CONSTELLATION_URL; NULL or "" = whatever it is
 * @return OMEGA_OK; OMEGA_ERR_INIT (the brain is not up); OMEGA_ERR_INVALID_ARG (no path, one too
 *         long for a socket, or another URL); OMEGA_ERR_ALREADY_INITIALIZED; OMEGA_ERR_INTERNAL
 * Thread-safe: one of several callers wins, the others get OMEGA_ERR_ALREADY_INITIALIZED.
 */
OMEGA_API int omega_init(const char *storage_path, const char *constellation_url);

/**
 * A list for now, best first, within 2 seconds.
 *
 * Everything in `context_json` may be left out; NULL, "" and {} are the same:
 * @code{.json context}
 * {
 *   "genre": "drama",
 *   "time": "evening",
 *   "device": "tv",
 *   "user_profile": "",
 *   "language": "en",
 *   "current_content": "film-1",
 *   "limit": 10
 * }
 * @endcode
 * - genre: only titles near this text in meaning, at most 256 characters
 * - time: morning, afternoon, evening, night, late_night, or "HH:MM"
 * - device: tv, television, projector, tablet, phone; any other is not known
 * - user_profile: a profile that the brain keeps (PutProfile); its limits hold
 * - language: no title is chosen by it
 * - current_content: what is on; never in the list
 * - limit: 1 to 100, else 20
 *
 * The answer:
 * @code{.json list}
 * [
 *   {
 *     "content_id": "film-2",
 *     "title": "Night Train",
 *     "score": 0.912345,
 *     "confidence": 0.912345,
 *     "reason": "Because you watched Harbour"
 *   }
 * ]
 * @endcode
 * score and confidence are the same number, 0 to 1. 8,192 bytes hold about 20 titles; where they do
 * not, omega_get_last_error() begins with the number of bytes that are needed.
 *
 * @return OMEGA_OK; OMEGA_ERR_RECOMMEND; OMEGA_ERR_INVALID_ARG (no buffer, an unknown profile, a
 *         value out of bounds); OMEGA_ERR_JSON_PARSE; OMEGA_ERR_BUFFER_TOO_SMALL;
 *         OMEGA_ERR_NOT_INITIALIZED; OMEGA_ERR_INTERNAL
 * Thread-safe.
 */
OMEGA_API int omega_recommend(const char *context_json, char *out, int out_size);

/**
 * Tells of a viewing, within 10 seconds; it is durable when this returns.
 *
 * @code{.json event}
 * {
 *   "content_id": "film-1",
 *   "watch_percentage": 0.85,
 *   "event_id": "box-17-1764520000",
 *   "session_id": "tonight",
 *   "duration_seconds": 5400,
 *   "user_rating": 4.5,
 *   "timestamp": "2025-11-30T16:26:40Z"
 * }
 * @endcode
 * - content_id: needed; a title that the brain knows
 * - watch_percentage: needed; 0 to 1
 * - event_id: yours, at most 64 characters of [A-Za-z0-9._:-]; state it to repeat a call safely
 * - session_id: at most 64 characters
 * - duration_seconds: seconds watched, 0 to 86,400
 * - user_rating: 0 to 5, how engaged the household was
 * - timestamp: when it ended, as seconds since 1970 or in RFC 3339; else now
 * - user_profile: as in omega_recommend()
 *
 * @return OMEGA_OK; OMEGA_ERR_OBSERVE; OMEGA_ERR_INVALID_ARG (a field is missing or out of bounds,
 *         an unknown title or profile); OMEGA_ERR_JSON_PARSE; OMEGA_ERR_NOT_INITIALIZED;
 *         OMEGA_ERR_INTERNAL
 * Thread-safe.
 */
OMEGA_API int omega_observe(const char *event_json);

/**
 * One exchange with the fleet, now, within 180 seconds. The brain does so by itself, too.
 * @return OMEGA_OK; OMEGA_ERR_SYNC (no server, no consent, no network);
 *         OMEGA_ERR_NOT_INITIALIZED; OMEGA_ERR_INTERNAL
 * Thread-safe, and holds up no other call.
 */
OMEGA_API int omega_sync(void);

/**
 * Closes the connections; the brain works on. Calls under way in other threads end as they would.
 * @return OMEGA_OK; OMEGA_ERR_NOT_INITIALIZED
 * Thread-safe.
 */
OMEGA_API int omega_shutdown(void);

/**
 * What the last failed call of this thread complained of; NULL = none has failed.
 * Belongs to the library; holds until the next failure in this thread, or the thread's end.
 * Thread-safe.
 */
OMEGA_API const char *omega_get_last_error(void);

/** Version of this library, such as "0.1.0". Thread-safe, needs no omega_init(). */
OMEGA_API const char *omega_version(void);

/** 1 between omega_init() and omega_shutdown(), else 0. Thread-safe, never waits. */
OMEGA_API int omega_is_initialized(void);

/**
 * Figures, within 10 seconds.
 *
 * @code{.json stats}
 * {
 *   "patterns_learned": 12,
 *   "recommendations_served": 40,
 *   "avg_latency_ms": 3.214,
 *   "last_sync": "2025-11-30T16:26:40Z",
 *   "storage_mb": 4.125
 * }
 * @endcode
 * recommendations_served and avg_latency_ms tell of the answered calls of omega_recommend() since
 * omega_init(); last_sync is null before the first.
 *
 * @return OMEGA_OK; OMEGA_ERR_INVALID_ARG; OMEGA_ERR_BUFFER_TOO_SMALL (as in omega_recommend());
 *         OMEGA_ERR_NOT_INITIALIZED; OMEGA_ERR_INTERNAL (also when the brain is not up)
 * Thread-safe.
 */
OMEGA_API int omega_get_stats(char *out, int out_size);

/**
 * Erases everything of the household but the titles, files included, within 120 seconds, and has
 * the fleet erase this TV. Repeat it until it returns OMEGA_OK.
 * @return OMEGA_OK; OMEGA_ERR_NOT_INITIALIZED; OMEGA_ERR_INTERNAL (also when the brain is not up)
 * Thread-safe.
 */
OMEGA_API int omega_clear_data(void);

/** @} */

/** @name Typed API
 *
 * Strings are UTF-8 and end with NUL; NULL stands for the empty string. What a request points to has
 * to stay until the call returns. `timeout_ms` is the deadline, 1 to ::OMEGA_MAX_TIMEOUT_MS; 0 = as
 * the JSON function of the same name has it. `status` may be NULL.
 * Bounds of all fields: proto/omega/brain/v1. A struct is set to zeros before it is filled in.
 * @{ */

/** A brain, as seen from this process. */
typedef struct omega_client omega_client;

/** How a call ended. */
typedef struct {
  int code;                   /**< What the function returned. */
  int grpc;                   /**< gRPC status: 0 = OK, 4 = too late, 14 = not up, ... */
  char text[OMEGA_TEXT_SIZE]; /**< For a log, at most 511 bytes; empty = all went well. */
} omega_status;

/** Kinds of titles. */
enum omega_kind { OMEGA_KIND_UNKNOWN = 0, OMEGA_KIND_MOVIE, OMEGA_KIND_SERIES, OMEGA_KIND_LIVE };

/** Circumstances; 0 = not known. Values are those of omega.common.v1.ViewingContext. */
typedef struct {
  int time_of_day; /**< 1 morning, 2 afternoon, 3 evening, 4 late night. */
  int day_type;    /**< 1 weekday, 2 weekend, 3 holiday. */
  int audience;    /**< 1 alone, 2 couple, 3 family, 4 friends. */
  int mood;        /**< 1 relaxed, 2 energetic, 3 focused, 4 social. */
  int device_kind; /**< 1 television, 2 projector, 3 tablet, 4 phone. */
} omega_context;

/** A title of a list. */
typedef struct {
  const char *content_id; /**< Id in the catalogue. */
  const char *title;      /**< Its name. */
  const char *reason;     /**< Why, for a person. */
  int kind;               /**< One of ::omega_kind. */
  uint32_t year;          /**< Of its first release; 0 = not known. */
  double score;           /**< 0 to 1, comparable within one list. */
  int reason_term;        /**< omega.brain.v1.ReasonTerm: what the reason speaks of. */
} omega_title;

/** What omega_client_open() is given. */
typedef struct {
  const char *target;          /**< "unix:/path" or "127.0.0.1:PORT". */
  uint32_t max_calls;          /**< Most calls at once, 1 to 256; 0 = 32. */
  const omega_title *fallback; /**< The list to show when the brain is not up; yours, until
                                    omega_client_close(). NULL = none. */
  size_t fallback_count;       /**< Titles in it. */
} omega_options;

/**
 * Makes a handle; dials nothing yet.
 * @param[out] client NULL when it fails
 * @return OMEGA_OK; OMEGA_ERR_INVALID_ARG (a target of another form, a socket's path above 107
 *         bytes, max_calls); OMEGA_ERR_INTERNAL (no memory)
 * Thread-safe.
 */
OMEGA_API int omega_client_open(const omega_options *options, omega_client **client);

/** Closes all connections and frees the handle; NULL is fine. Not while a call is under way. */
OMEGA_API void omega_client_close(omega_client *client);

/** Which list. */
typedef struct {
  uint32_t limit;                         /**< 1 to 100; 0 = 20. */
  uint32_t offset;                        /**< First rank, 0 to 1,000. */
  omega_context context;                  /**< Circumstances. */
  const char *query_text;                 /**< Only titles near this in meaning. */
  const char *profile_id;                 /**< Whose; NULL = the household's. */
  const char *cursor;                     /**< omega_list::next_cursor of the list before. */
  const char *const *exclude_content_ids; /**< Never these, at most 1,000. */
  size_t exclude_content_ids_count;       /**< How many. */
  const char *const *available_services;  /**< Only titles of these providers, at most 64. */
  size_t available_services_count;        /**< How many. */
} omega_list_request;

/** A list in buffers of the caller. */
typedef struct {
  omega_title *titles; /**< In: room for titles. Their strings lie in `text`. */
  size_t titles_size;  /**< In: how many fit. */
  char *text;          /**< In: room for all strings. */
  size_t text_size;    /**< In: bytes of it. */

  size_t titles_count;                   /**< Out: titles given, or needed. */
  size_t text_count;                     /**< Out: bytes used, or needed. */
  char recommendation_id[OMEGA_ID_SIZE]; /**< Out: to hand back with events. */
  char next_cursor[OMEGA_ID_SIZE];       /**< Out: asks for more; "" = there are none. */
  int mode;     /**< Out: 1 healthy, 2 degraded, 3 the popular list; 0 = the fallback. */
  bool fallback; /**< Out: true = omega_options::fallback, as the brain is not up or late. */
} omega_list;

/**
 * Ranked titles that the household has not seen. Without an answer (UNAVAILABLE,
 * DEADLINE_EXCEEDED) it gives the first titles of the fallback list, where there is one, and
 * returns OMEGA_OK with `status->grpc` telling why.
 * A profile's limits are not applied to a fallback list: put nothing in that not everybody may see.
 * @return OMEGA_OK; OMEGA_ERR_RECOMMEND; OMEGA_ERR_INVALID_ARG; OMEGA_ERR_BUFFER_TOO_SMALL:
 *         `titles_count` and `text_count` say what is needed; OMEGA_ERR_INTERNAL
 * Thread-safe.
 */
OMEGA_API int omega_client_recommend(omega_client *client, uint32_t timeout_ms,
                                     const omega_list_request *request, omega_list *list,
                                     omega_status *status);

/** A viewing, or a step of one under way. */
typedef struct {
  const char *event_id;          /**< Yours, at most 64 characters; NULL = one is drawn. */
  const char *content_id;        /**< Needed. */
  double watch_percentage;       /**< 0 to 1. */
  bool has_engagement;           /**< Whether the next field is stated. */
  double engagement_score;       /**< 0 to 1. */
  int64_t occurred_at_ms;        /**< Since 1970-01-01 UTC; 0 = now. */
  const char *session_id;        /**< At most 64 characters. */
  const char *recommendation_id; /**< The list that led here. */
  const char *profile_id;        /**< Who watched. */
  omega_context context;         /**< Circumstances. */
  int action;                    /**< omega.brain.v1.PlaybackAction; 0 = the viewing ended. */
  uint32_t watch_seconds;        /**< 0 to 86,400. */
  uint32_t interaction_count;    /**< Keys pressed, 0 to 10,000. */
  int source;                    /**< omega.brain.v1.EventSource. */
  int verdict;                   /**< 1 liked, 2 disliked. */
} omega_event;

/** What an event was worth. */
typedef struct {
  char event_id[OMEGA_ID_SIZE]; /**< Yours, or the one that was drawn; set also when it failed. */
  double reward;                /**< 0 to 1. */
  bool duplicate;               /**< It was stored before. */
  uint32_t recommended_place;   /**< Place in the list that led here, from 1; 0 = none. */
} omega_observed;

/**
 * Tells of a viewing; durable when this returns OMEGA_OK. `observed` may be NULL.
 * @return OMEGA_OK; OMEGA_ERR_OBSERVE; OMEGA_ERR_INVALID_ARG; OMEGA_ERR_INTERNAL
 * Thread-safe.
 */
OMEGA_API int omega_client_observe(omega_client *client, uint32_t timeout_ms,
                                   const omega_event *event, omega_observed *observed,
                                   omega_status *status);

/** Where a title can be watched. */
typedef struct {
  const char *provider_id; /**< 1 to 64 characters of [A-Za-z0-9._:-]. */
  const char *name;        /**< 1 to 128 characters. */
  int availability;        /**< 1 subscription, 2 rent, 3 buy, 4 free. */
} omega_provider;

/** A title of the catalogue. */
typedef struct {
  const char *content_id;          /**< 1 to 128 characters of [A-Za-z0-9._:-]. */
  const char *title;               /**< 1 to 300 characters. */
  int kind;                        /**< One of ::omega_kind, not 0. */
  const char *const *genres;       /**< At most 16 of 1 to 64 characters. */
  size_t genres_count;             /**< How many. */
  uint32_t year;                   /**< 1870 to 2200; 0 = not known. */
  const char *country;             /**< At most 64 characters. */
  const char *description;         /**< At most 2,000 characters. */
  const omega_provider *providers; /**< At most 32. */
  size_t providers_count;          /**< How many. */
  bool is_rated;                   /**< Whether the next field is stated. */
  uint32_t minimum_age;            /**< 0 to 21 years. */
} omega_content;

/** What became of titles. */
typedef struct {
  uint32_t added;     /**< New ones. */
  uint32_t updated;   /**< Known ones that differ. */
  uint32_t unchanged; /**< Known ones that are equal. */
} omega_upserted;

/**
 * Stores 1 to 500 titles, all or none; 0 as `timeout_ms` is 60 seconds. `upserted` may be NULL.
 * @return OMEGA_OK; OMEGA_ERR_INVALID_ARG; OMEGA_ERR_INTERNAL (also when the brain is not up)
 * Thread-safe.
 */
OMEGA_API int omega_client_upsert(omega_client *client, uint32_t timeout_ms,
                                  const omega_content *contents, size_t contents_count,
                                  omega_upserted *upserted, omega_status *status);

/** What one exchange with the fleet moved. */
typedef struct {
  uint32_t pushed_sketches;  /**< Acknowledged by the server. */
  uint32_t pending_sketches; /**< Still waiting. */
  uint32_t pulled_patterns;  /**< Received. */
  uint64_t state_version;    /**< Version of the fleet's knowledge now held. */
  uint64_t pushed_bytes;     /**< Sent. */
  uint64_t pulled_bytes;     /**< Received, resources apart. */
  uint64_t resource_bytes;   /**< Of resources. */
} omega_synced;

/** One exchange with the fleet; `synced` may be NULL. As omega_sync(). Thread-safe. */
OMEGA_API int omega_client_sync(omega_client *client, uint32_t timeout_ms, omega_synced *synced,
                                omega_status *status);

/** Figures of a brain: omega.brain.v1.GetStatsResponse says what each means. */
typedef struct {
  char model_version[OMEGA_NAME_SIZE];     /**< Encoder in use. */
  char constellation_url[OMEGA_NAME_SIZE]; /**< Where the fleet is; "" = nowhere. */
  char last_sync_error[OMEGA_NAME_SIZE];   /**< "" = it succeeded. */
  int mode;                                /**< 1 healthy, 2 degraded, 3 unhealthy. */
  uint64_t contents;                       /**< Titles stored. */
  uint64_t events;                         /**< Events stored. */
  uint64_t liked;                          /**< Titles that the household succeeded with. */
  uint64_t taste_patterns;                 /**< Taste patterns of the household. */
  uint64_t global_patterns;                /**< Patterns of the fleet that are held. */
  uint64_t sketches_pending;               /**< Sketches that wait for a sync. */
  uint64_t requests_served;                /**< Calls answered since the brain's start. */
  uint64_t storage_bytes;                  /**< Bytes of its directory. */
  double uptime_seconds;                   /**< Since its start. */
  bool consent;                            /**< Whether the household consents to sharing. */
  int64_t last_sync_at_ms;                 /**< Since 1970-01-01 UTC; 0 = never. */
} omega_stats;

/** Figures. As omega_get_stats(). Thread-safe. */
OMEGA_API int omega_client_stats(omega_client *client, uint32_t timeout_ms, omega_stats *stats,
                                 omega_status *status);

/** What was erased. */
typedef struct {
  uint64_t erased_rows;       /**< Rows of the database. */
  bool fleet_erasure_pending; /**< The fleet is still to be told. */
} omega_cleared;

/**
 * Erases the household. As omega_clear_data().
 * @param request_id a UUID, the same for each repeat; NULL = one is drawn
 * Thread-safe.
 */
OMEGA_API int omega_client_clear(omega_client *client, uint32_t timeout_ms, const char *request_id,
                                 omega_cleared *cleared, omega_status *status);

/** @} */

#ifdef __cplusplus
}
#endif
#endif
