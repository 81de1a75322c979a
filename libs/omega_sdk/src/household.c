/* The fleet, figures, and erasing. */
#include <string.h>

#include "client.h"
#include "status.h"

int omega_client_sync(omega_client *client, uint32_t timeout_ms, omega_synced *synced,
                      omega_status *status) {
  omega_brain_v1_SyncNowRequest asked = omega_brain_v1_SyncNowRequest_init_zero;
  omega_brain_v1_SyncNowResponse answer = omega_brain_v1_SyncNowResponse_init_zero;
  if (!client) {
    return client_refuse(status, "a client is needed");
  }
  struct call call = {
      .path = BRAIN("SyncNow"),
      .timeout_ms = timeout_ms,
      .request_fields = omega_brain_v1_SyncNowRequest_fields,
      .request = &asked,
      .answer_fields = omega_brain_v1_SyncNowResponse_fields,
      .answer = &answer,
  };
  int code = client_call(client, &call, SYNC_MS, OMEGA_ERR_SYNC, status);
  if (code == OMEGA_OK && synced) {
    synced->pushed_sketches = answer.pushed_sketches;
    synced->pending_sketches = answer.pending_sketches;
    synced->pulled_patterns = answer.pulled_patterns;
    synced->state_version = answer.state_version;
    synced->pushed_bytes = answer.pushed_bytes;
    synced->pulled_bytes = answer.pulled_bytes;
    synced->resource_bytes = answer.resource_bytes;
  }
  return code;
}

/* 9999-12-31T23:59:59Z, the end of what a timestamp can say. */
static const int64_t LAST_SECOND = 253402300799;

static void fill(omega_stats *to, const omega_brain_v1_GetStatsResponse *from) {
  text_copy(to->model_version, sizeof to->model_version, from->model_version);
  text_copy(to->constellation_url, sizeof to->constellation_url, from->sync.constellation_url);
  text_copy(to->last_sync_error, sizeof to->last_sync_error, from->last_sync_error);
  to->mode = (int)from->mode;
  to->contents = from->contents;
  to->events = from->events;
  to->liked = from->liked;
  to->taste_patterns = from->taste_patterns;
  to->global_patterns = from->global_patterns;
  to->sketches_pending = from->sketches_pending;
  to->requests_served = from->requests_served;
  to->storage_bytes = from->storage_bytes;
  to->uptime_seconds = from->uptime_seconds;
  to->consent = from->sync.consent;
  to->last_sync_at_ms = 0;
  if (from->has_last_sync_at && from->last_sync_at.seconds >= 0 &&
      from->last_sync_at.seconds <= LAST_SECOND) {
    to->last_sync_at_ms = from->last_sync_at.seconds * 1000 + from->last_sync_at.nanos / 1000000;
  }
}

int omega_client_stats(omega_client *client, uint32_t timeout_ms, omega_stats *stats,
                       omega_status *status) {
  omega_brain_v1_GetStatsRequest asked = omega_brain_v1_GetStatsRequest_init_zero;
  omega_brain_v1_GetStatsResponse answer = omega_brain_v1_GetStatsResponse_init_zero;
  if (!client || !stats) {
    return client_refuse(status, "client and stats are needed");
  }
  struct call call = {
      .path = BRAIN("GetStats"),
      .timeout_ms = timeout_ms,
      .request_fields = omega_brain_v1_GetStatsRequest_fields,
      .request = &asked,
      .answer_fields = omega_brain_v1_GetStatsResponse_fields,
      .answer = &answer,
  };
  int code = client_call(client, &call, STORE_MS, OMEGA_ERR_INTERNAL, status);
  if (code == OMEGA_OK) {
    fill(stats, &answer);
  }
  return code;
}

int omega_client_clear(omega_client *client, uint32_t timeout_ms, const char *request_id,
                       omega_cleared *cleared, omega_status *status) {
  omega_brain_v1_ClearDataRequest asked = omega_brain_v1_ClearDataRequest_init_zero;
  omega_brain_v1_ClearDataResponse answer = omega_brain_v1_ClearDataResponse_init_zero;
  char drawn[37];
  if (!client) {
    return client_refuse(status, "a client is needed");
  }
  if (!request_id || !*request_id) {
    client_draw_id(drawn);
    request_id = drawn;
  }
  asked.request_id = client_text(request_id);
  struct call call = {
      .path = BRAIN("ClearData"),
      .timeout_ms = timeout_ms,
      .request_fields = omega_brain_v1_ClearDataRequest_fields,
      .request = &asked,
      .answer_fields = omega_brain_v1_ClearDataResponse_fields,
      .answer = &answer,
  };
  int code = client_call(client, &call, CLEAR_MS, OMEGA_ERR_INTERNAL, status);
  if (code == OMEGA_OK && cleared) {
    cleared->erased_rows = answer.erased_rows;
    cleared->fleet_erasure_pending = answer.fleet_erasure_pending;
  }
  return code;
}
