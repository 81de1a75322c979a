#include "calls.h"

#include <pb_decode.h>
#include <pb_encode.h>
#include <stdlib.h>
#include <string.h>

#include "omega/brain/v1/brain_service.pb.h"

/* In these messages every field is a pointer, NULL where it is absent. */
#define VALUE(field) ((field) ? *(field) : 0)
#define MESSAGE(name) omega_brain_v1_##name
#define FIELDS(name) omega_brain_v1_##name##_fields

enum { MOST_TITLES = 100, ROOM = 1 << 20, MS_NANOS = 1000000, SECOND_MS = 1000 };

/* Serialises into fresh memory; NULL when there is none. */
static uint8_t *written(const pb_msgdesc_t *fields, const void *message, size_t *size) {
  if (!pb_get_encoded_size(size, fields, message)) {
    return NULL;
  }
  uint8_t *bytes = malloc(*size + 1);
  pb_ostream_t stream = pb_ostream_from_buffer(bytes, *size);
  if (bytes && !pb_encode(&stream, fields, message)) {
    free(bytes);
    return NULL;
  }
  return bytes;
}

/* Reads the request: what comes out when it is written again must be the same bytes, or C has no
 * way to say it, such as a NUL in a string. */
static bool taken(struct call *call, const pb_msgdesc_t *fields, void *message) {
  size_t size = 0;
  pb_istream_t stream = pb_istream_from_buffer(call->request, call->request_size);
  bool same = pb_decode(&stream, fields, message);
  if (same) {
    uint8_t *again = written(fields, message, &size);
    same = again && size == call->request_size && !memcmp(again, call->request, size);
    free(again);
  }
  if (!same) {
    call->cannot = "no message of C has these bytes";
  }
  return same;
}

/* Whether nothing is left of a message of which all is struck out that the library's API takes. */
static bool nothing_left(struct call *call, const pb_msgdesc_t *fields, const void *rest) {
  size_t size = 0;
  if (pb_get_encoded_size(&size, fields, rest) && size == 0) {
    return true;
  }
  call->cannot = "the library's API lacks a field of it";
  return false;
}

static void answer(struct call *call, const pb_msgdesc_t *fields, const void *message) {
  if (call->status.code == OMEGA_OK) {
    call->answer = written(fields, message, &call->answer_size);
  }
}

static omega_context context(const omega_common_v1_ViewingContext *from) {
  omega_context to = {0};
  if (from) {
    to.time_of_day = (int)VALUE(from->time_of_day);
    to.day_type = (int)VALUE(from->day_type);
    to.audience = (int)VALUE(from->audience);
    to.mood = (int)VALUE(from->mood);
    to.device_kind = (int)VALUE(from->device_kind);
  }
  return to;
}

static void answer_list(struct call *call, omega_list *list) {
  MESSAGE(Recommendation) titles[MOST_TITLES] = {0};
  omega_common_v1_ContentKind kinds[MOST_TITLES];
  MESSAGE(ReasonTerm) terms[MOST_TITLES];
  MESSAGE(Mode) mode = (MESSAGE(Mode))list->mode;
  for (size_t i = 0; i < list->titles_count; i++) {
    omega_title *from = &list->titles[i];
    kinds[i] = (omega_common_v1_ContentKind)from->kind;
    terms[i] = (MESSAGE(ReasonTerm))from->reason_term;
    titles[i].content_id = (char *)(uintptr_t)from->content_id;
    titles[i].title = (char *)(uintptr_t)from->title;
    titles[i].reason = (char *)(uintptr_t)from->reason;
    titles[i].kind = &kinds[i];
    titles[i].year = &from->year;
    titles[i].score = &from->score;
    titles[i].reason_term = &terms[i];
  }
  MESSAGE(GetRecommendationsResponse) said = {
      .recommendation_id = list->recommendation_id,
      .recommendations_count = (pb_size_t)list->titles_count,
      .recommendations = titles,
      .mode = &mode,
      .next_cursor = list->next_cursor,
  };
  answer(call, FIELDS(GetRecommendationsResponse), &said);
}

static void recommend(struct call *call) {
  MESSAGE(GetRecommendationsRequest) asked = {0}, rest;
  if (taken(call, FIELDS(GetRecommendationsRequest), &asked)) {
    omega_list_request request = {
        .limit = VALUE(asked.limit),
        .offset = VALUE(asked.offset),
        .context = context(asked.context),
        .query_text = asked.query_text,
        .profile_id = asked.profile_id,
        .cursor = asked.cursor,
        .exclude_content_ids = (const char *const *)asked.exclude_content_ids,
        .exclude_content_ids_count = asked.exclude_content_ids_count,
        .available_services = (const char *const *)asked.available_services,
        .available_services_count = asked.available_services_count,
    };
    rest = asked;
    rest.limit = rest.offset = NULL;
    rest.context = NULL;
    rest.query_text = rest.profile_id = rest.cursor = NULL;
    rest.exclude_content_ids_count = rest.available_services_count = 0;
    if (nothing_left(call, FIELDS(GetRecommendationsRequest), &rest)) {
      static omega_title titles[MOST_TITLES];
      static char text[ROOM];
      omega_list list = {
          .titles = titles, .titles_size = MOST_TITLES, .text = text, .text_size = sizeof text};
      omega_client_recommend(call->client, call->timeout_ms, &request, &list, &call->status);
      answer_list(call, &list);
    }
  }
  pb_release(FIELDS(GetRecommendationsRequest), &asked);
}

/* Milliseconds of an instant; false where C's API cannot tell it. */
static bool instant(const google_protobuf_Timestamp *from, int64_t *ms) {
  int32_t nanos = from ? VALUE(from->nanos) : 0;
  *ms = from ? VALUE(from->seconds) * SECOND_MS + nanos / MS_NANOS : 0;
  return nanos % MS_NANOS == 0 && (!from || *ms);
}

static void observe(struct call *call) {
  MESSAGE(ObserveEventRequest) told = {0}, rest;
  int64_t ms = 0;
  if (taken(call, FIELDS(ObserveEventRequest), &told)) {
    if (!told.event_id) {
      call->cannot = "the library draws an event_id where there is none";
    } else if (!instant(told.occurred_at, &ms)) {
      call->cannot = "an instant between milliseconds, or 1970-01-01";
    }
    omega_event event = {
        .event_id = told.event_id,
        .content_id = told.content_id,
        .watch_percentage = VALUE(told.watch_percentage),
        .has_engagement = told.engagement_score != NULL,
        .engagement_score = VALUE(told.engagement_score),
        .occurred_at_ms = ms,
        .session_id = told.session_id,
        .recommendation_id = told.recommendation_id,
        .profile_id = told.profile_id,
        .context = context(told.context),
        .action = (int)VALUE(told.action),
        .watch_seconds = VALUE(told.watch_seconds),
        .interaction_count = VALUE(told.interaction_count),
        .source = (int)VALUE(told.source),
        .verdict = (int)VALUE(told.verdict),
    };
    rest = told;
    rest.event_id = rest.content_id = rest.session_id = rest.recommendation_id = NULL;
    rest.profile_id = NULL;
    rest.watch_percentage = rest.engagement_score = NULL;
    rest.occurred_at = NULL;
    rest.context = NULL;
    rest.action = NULL;
    rest.watch_seconds = rest.interaction_count = NULL;
    rest.source = NULL;
    rest.verdict = NULL;
    if (!call->cannot && nothing_left(call, FIELDS(ObserveEventRequest), &rest)) {
      omega_observed seen;
      omega_client_observe(call->client, call->timeout_ms, &event, &seen, &call->status);
      MESSAGE(ObserveEventResponse) said = {
          .event_id = seen.event_id,
          .reward = &seen.reward,
          .duplicate = &seen.duplicate,
          .recommended_place = &seen.recommended_place,
      };
      answer(call, FIELDS(ObserveEventResponse), &said);
    }
  }
  pb_release(FIELDS(ObserveEventRequest), &told);
}

static omega_provider *providers(const omega_common_v1_Content *from) {
  omega_provider *to = calloc(from->providers_count + 1u, sizeof *to);
  for (pb_size_t i = 0; to && i < from->providers_count; i++) {
    const omega_common_v1_Provider *provider = &from->providers[i];
    to[i].provider_id = provider->provider_id;
    to[i].name = provider->name;
    to[i].availability = (int)VALUE(provider->availability);
  }
  return to;
}

static void upsert(struct call *call) {
  MESSAGE(UpsertContentsRequest) asked = {0};
  if (taken(call, FIELDS(UpsertContentsRequest), &asked)) {
    omega_content *contents = calloc(asked.contents_count + 1u, sizeof *contents);
    for (pb_size_t i = 0; contents && i < asked.contents_count; i++) {
      const omega_common_v1_Content *from = &asked.contents[i];
      contents[i] = (omega_content){
          .content_id = from->content_id,
          .title = from->title,
          .kind = (int)VALUE(from->kind),
          .genres = (const char *const *)from->genres,
          .genres_count = from->genres_count,
          .year = VALUE(from->year),
          .country = from->country,
          .description = from->description,
          .providers = providers(from),
          .providers_count = from->providers_count,
          .is_rated = from->minimum_age != NULL,
          .minimum_age = VALUE(from->minimum_age),
      };
    }
    omega_upserted became;
    omega_client_upsert(call->client, call->timeout_ms, contents, asked.contents_count, &became,
                        &call->status);
    MESSAGE(UpsertContentsResponse) said = {
        .added = &became.added, .updated = &became.updated, .unchanged = &became.unchanged};
    answer(call, FIELDS(UpsertContentsResponse), &said);
    for (pb_size_t i = 0; contents && i < asked.contents_count; i++) {
      free((void *)(uintptr_t)contents[i].providers);
    }
    free(contents);
  }
  pb_release(FIELDS(UpsertContentsRequest), &asked);
}

static void synchronise(struct call *call) {
  MESSAGE(SyncNowRequest) asked = {0};
  if (taken(call, FIELDS(SyncNowRequest), &asked)) {
    omega_synced moved;
    omega_client_sync(call->client, call->timeout_ms, &moved, &call->status);
    MESSAGE(SyncNowResponse) said = {
        .pushed_sketches = &moved.pushed_sketches,
        .pending_sketches = &moved.pending_sketches,
        .pulled_patterns = &moved.pulled_patterns,
        .state_version = &moved.state_version,
        .pushed_bytes = &moved.pushed_bytes,
        .pulled_bytes = &moved.pulled_bytes,
        .resource_bytes = &moved.resource_bytes,
    };
    answer(call, FIELDS(SyncNowResponse), &said);
  }
}

static void stats(struct call *call) {
  MESSAGE(GetStatsRequest) asked = {0};
  if (taken(call, FIELDS(GetStatsRequest), &asked)) {
    static omega_stats now;
    omega_client_stats(call->client, call->timeout_ms, &now, &call->status);
    MESSAGE(Mode) mode = (MESSAGE(Mode))now.mode;
    MESSAGE(GetStatsResponse) said = {
        .model_version = now.model_version,
        .contents = &now.contents,
        .events = &now.events,
        .liked = &now.liked,
        .mode = &mode,
        .uptime_seconds = &now.uptime_seconds,
        .requests_served = &now.requests_served,
        .storage_bytes = &now.storage_bytes,
    };
    answer(call, FIELDS(GetStatsResponse), &said);
  }
}

static void clear(struct call *call) {
  MESSAGE(ClearDataRequest) asked = {0};
  if (taken(call, FIELDS(ClearDataRequest), &asked)) {
    if (asked.request_id) {
      omega_cleared gone;
      omega_client_clear(call->client, call->timeout_ms, asked.request_id, &gone, &call->status);
      MESSAGE(ClearDataResponse) said = {
          .erased_rows = &gone.erased_rows,
          .fleet_erasure_pending = &gone.fleet_erasure_pending,
      };
      answer(call, FIELDS(ClearDataResponse), &said);
    } else {
      call->cannot = "the library draws a request_id where there is none";
    }
  }
  pb_release(FIELDS(ClearDataRequest), &asked);
}

void call_make(const char *path, struct call *call) {
  static const struct {
    const char *path;
    void (*make)(struct call *call);
  } known[] = {
      {"/omega.brain.v1.BrainService/GetRecommendations", recommend},
      {"/omega.brain.v1.BrainService/ObserveEvent", observe},
      {"/omega.brain.v1.BrainService/UpsertContents", upsert},
      {"/omega.brain.v1.BrainService/SyncNow", synchronise},
      {"/omega.brain.v1.BrainService/GetStats", stats},
      {"/omega.brain.v1.BrainService/ClearData", clear},
  };
  for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
    if (!strcmp(path, known[i].path)) {
      known[i].make(call);
      return;
    }
  }
  call->cannot = "no function of the library makes this call";
}
