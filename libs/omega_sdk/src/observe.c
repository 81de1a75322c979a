/* Viewings. */
#include <string.h>

#include "client.h"
#include "status.h"

int omega_client_observe(omega_client *client, uint32_t timeout_ms, const omega_event *event,
                         omega_observed *observed, omega_status *status) {
  omega_brain_v1_ObserveEventRequest told = omega_brain_v1_ObserveEventRequest_init_zero;
  omega_brain_v1_ObserveEventResponse answer = omega_brain_v1_ObserveEventResponse_init_zero;
  omega_observed unseen;
  char drawn[37];
  if (!client || !event) {
    return client_refuse(status, "client and event are needed");
  }
  if (!observed) {
    observed = &unseen;
  }
  memset(observed, 0, sizeof *observed);
  const char *event_id = event->event_id;
  if (!event_id || !*event_id) {
    client_draw_id(drawn);
    event_id = drawn;
  }
  text_copy(observed->event_id, sizeof observed->event_id, event_id);
  told.event_id = client_text(event_id);
  told.content_id = client_text(event->content_id);
  told.watch_percentage = event->watch_percentage;
  told.has_engagement_score = event->has_engagement;
  told.engagement_score = event->engagement_score;
  if (event->occurred_at_ms) {
    int64_t ms = event->occurred_at_ms % 1000;
    ms += ms < 0 ? 1000 : 0;
    told.has_occurred_at = true;
    told.occurred_at.seconds = (event->occurred_at_ms - ms) / 1000;
    told.occurred_at.nanos = (int32_t)ms * 1000000;
  }
  told.session_id = client_text(event->session_id);
  told.recommendation_id = client_text(event->recommendation_id);
  told.profile_id = client_text(event->profile_id);
  told.has_context = client_context(&event->context, &told.context);
  told.action = (omega_brain_v1_PlaybackAction)event->action;
  told.watch_seconds = event->watch_seconds;
  told.interaction_count = event->interaction_count;
  told.source = (omega_brain_v1_EventSource)event->source;
  told.verdict = (omega_brain_v1_Verdict)event->verdict;
  struct call call = {
      .path = BRAIN("ObserveEvent"),
      .timeout_ms = timeout_ms,
      .request_fields = omega_brain_v1_ObserveEventRequest_fields,
      .request = &told,
      .answer_fields = omega_brain_v1_ObserveEventResponse_fields,
      .answer = &answer,
  };
  int code = client_call(client, &call, STORE_MS, OMEGA_ERR_OBSERVE, status);
  if (code == OMEGA_OK) {
    observed->reward = answer.reward;
    observed->duplicate = answer.duplicate;
    observed->recommended_place = answer.recommended_place;
  }
  return code;
}
