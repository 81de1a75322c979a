/* Viewings. */
#include <pb_decode.h>

#include "messages.h"

enum { MS_NANOS = 1000000, SECOND_MS = 1000 };

/* Milliseconds of an instant; false where C's API cannot tell it. */
static bool instant(const google_protobuf_Timestamp *from, int64_t *ms) {
  int32_t nanos = from ? VALUE(from->nanos) : 0;
  *ms = from ? VALUE(from->seconds) * SECOND_MS + nanos / MS_NANOS : 0;
  return nanos % MS_NANOS == 0 && (!from || *ms);
}

void observe(struct call *call) {
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
        .context = context_of(told.context),
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
