/* The functions of omega_tv.h that take and give JSON. */
#include <stdio.h>
#include <time.h>

#include "client.h"
#include "instant.h"
#include "json_input.h"
#include "json_write.h"
#include "session.h"

struct list {
  struct json_writer writer;
  char *out;
  size_t size;
  bool first;
};

static void begin(void *context) {
  struct list *list = context;
  list->writer = (struct json_writer){.out = list->out, .size = list->size};
  list->first = true;
  json_raw(&list->writer, "[");
}

static void add(void *context, const omega_title *title) {
  struct list *list = context;
  struct json_writer *writer = &list->writer;
  json_raw(writer, list->first ? "{\"content_id\":" : ",{\"content_id\":");
  json_string(writer, title->content_id);
  json_raw(writer, ",\"title\":");
  json_string(writer, title->title);
  json_raw(writer, ",\"score\":");
  json_number(writer, title->score, 6);
  json_raw(writer, ",\"confidence\":");
  json_number(writer, title->score, 6);
  json_raw(writer, ",\"reason\":");
  json_string(writer, title->reason);
  json_raw(writer, "}");
  list->first = false;
}

/* Ends an answer; `code` is how it went so far. */
static int finish(struct json_writer *writer, int code) {
  char text[64];
  if (code != OMEGA_OK) {
    writer->out[0] = '\0';
    return code;
  }
  if (json_end(writer)) {
    return OMEGA_OK;
  }
  snprintf(text, sizeof text, "%zu bytes are needed", writer->used + 1);
  return session_failed(OMEGA_ERR_BUFFER_TOO_SMALL, text);
}

static uint64_t now_us(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static int recommend(struct session *session, const char *context_json, struct list *list) {
  struct json_context context;
  omega_brain_v1_GetRecommendationsResponse head;
  omega_status status;
  const char *why;
  uint64_t begun = now_us();
  int code = json_context_read(context_json, &context, &why);
  if (code != OMEGA_OK) {
    return session_failed(code, why);
  }
  struct list_sink sink = {begin, add, list};
  code = client_list(session->client, 0, &context.request, &sink, &head, &status);
  if (code != OMEGA_OK) {
    return session_failed(code, status.text);
  }
  json_raw(&list->writer, "]");
  session_count(session, now_us() - begun);
  return OMEGA_OK;
}

int omega_recommend(const char *context_json, char *out, int out_size) {
  struct list list = {.out = out};
  if (!out || out_size <= 0) {
    return session_failed(OMEGA_ERR_INVALID_ARG, "a buffer is needed");
  }
  list.size = (size_t)out_size;
  begin(&list);
  out[0] = '\0';
  struct session *session = session_enter();
  int code = session ? recommend(session, context_json, &list) : OMEGA_ERR_NOT_INITIALIZED;
  session_leave(session);
  return finish(&list.writer, code);
}

int omega_observe(const char *event_json) {
  struct json_event event;
  omega_status status;
  const char *why;
  struct session *session = session_enter();
  if (!session) {
    return OMEGA_ERR_NOT_INITIALIZED;
  }
  int code;
  if (!event_json) {
    code = session_failed(OMEGA_ERR_INVALID_ARG, "an event is needed");
  } else if ((code = json_event_read(event_json, &event, &why))) {
    session_failed(code, why);
  } else if ((code = omega_client_observe(session->client, 0, &event.event, NULL, &status))) {
    session_failed(code, status.text);
  }
  session_leave(session);
  return code;
}

int omega_sync(void) {
  omega_status status;
  struct session *session = session_enter();
  if (!session) {
    return OMEGA_ERR_NOT_INITIALIZED;
  }
  int code = omega_client_sync(session->client, 0, NULL, &status);
  if (code != OMEGA_OK) {
    session_failed(code, status.text);
  }
  session_leave(session);
  return code;
}

int omega_clear_data(void) {
  char id[37];
  omega_status status;
  struct session *session = session_enter();
  if (!session) {
    return OMEGA_ERR_NOT_INITIALIZED;
  }
  session_clearing(session, id);
  int code = omega_client_clear(session->client, 0, id, NULL, &status);
  if (code == OMEGA_OK) {
    session_cleared(session, id);
  } else {
    session_failed(code, status.text);
  }
  session_leave(session);
  return code;
}

static void write_stats(struct json_writer *writer, struct session *session,
                        const omega_stats *stats) {
  uint64_t lists, us;
  char at[INSTANT_SIZE];
  session_counted(session, &lists, &us);
  json_raw(writer, "{\"patterns_learned\":");
  json_number(writer, (double)stats->taste_patterns, 0);
  json_raw(writer, ",\"recommendations_served\":");
  json_number(writer, (double)lists, 0);
  json_raw(writer, ",\"avg_latency_ms\":");
  json_number(writer, lists ? (double)us / (double)lists / 1000 : 0, 3);
  json_raw(writer, ",\"last_sync\":");
  if (stats->last_sync_at_ms) {
    instant_write(stats->last_sync_at_ms, at);
    json_string(writer, at);
  } else {
    json_raw(writer, "null");
  }
  json_raw(writer, ",\"storage_mb\":");
  json_number(writer, (double)stats->storage_bytes / 1e6, 3);
  json_raw(writer, "}");
}

int omega_get_stats(char *out, int out_size) {
  struct json_writer writer = {.out = out};
  omega_status status;
  omega_stats stats;
  if (!out || out_size <= 0) {
    return session_failed(OMEGA_ERR_INVALID_ARG, "a buffer is needed");
  }
  writer.size = (size_t)out_size;
  out[0] = '\0';
  struct session *session = session_enter();
  if (!session) {
    return OMEGA_ERR_NOT_INITIALIZED;
  }
  int code = omega_client_stats(session->client, 0, &stats, &status);
  if (code == OMEGA_OK) {
    write_stats(&writer, session, &stats);
  } else {
    session_failed(code, status.text);
  }
  session_leave(session);
  return finish(&writer, code);
}
