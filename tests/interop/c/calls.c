#include "calls.h"

#include <pb_decode.h>
#include <string.h>

#include "messages.h"

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
