#include "json_input.h"

#include <string.h>

#include "instant.h"

struct reading {
  void *into;
  const char **why;
};

static int fail(const struct reading *reading, int code, const char *why) {
  *reading->why = why;
  return code;
}

static bool is(const char *key, const char *name) { return !strcmp(key, name); }

/* A string into `to`; OMEGA_OK or a code. */
static int text(const struct reading *reading, const struct json_value *value,
                char to[JSON_TEXT_SIZE]) {
  if (value->kind != JSON_STRING) {
    return fail(reading, OMEGA_ERR_JSON_PARSE, "a string is wanted");
  }
  if (value->cut) {
    return fail(reading, OMEGA_ERR_INVALID_ARG, "a string is too long");
  }
  memcpy(to, value->text, strlen(value->text) + 1);
  return OMEGA_OK;
}

/* A number within bounds into `to`. */
static int number(const struct reading *reading, const struct json_value *value, double least,
                  double most, double *to) {
  if (value->kind != JSON_NUMBER) {
    return fail(reading, OMEGA_ERR_JSON_PARSE, "a number is wanted");
  }
  if (!(value->number >= least && value->number <= most)) {
    return fail(reading, OMEGA_ERR_INVALID_ARG, "a number is out of bounds");
  }
  *to = value->number;
  return OMEGA_OK;
}

/* omega.common.v1.TimeOfDay of a name or "HH:MM"; 0 = neither. */
static int time_of_day(const char *name) {
  static const char *const names[] = {"morning", "afternoon", "evening", "late_night", "night"};
  for (int i = 0; i < 5; i++) {
    if (is(name, names[i])) {
      return i < 4 ? i + 1 : 4;
    }
  }
  if (strlen(name) < 5 || name[2] != ':' || name[0] < '0' || name[0] > '2' || name[1] < '0' ||
      name[1] > '9') {
    return 0;
  }
  int hour = 10 * (name[0] - '0') + (name[1] - '0');
  if (hour > 23) {
    return 0;
  }
  return hour < 6 || hour >= 22 ? 4 : hour < 12 ? 1 : hour < 18 ? 2 : 3;
}

/* omega.common.v1.DeviceKind; 0 = another one. */
static int device_kind(const char *name) {
  static const char *const names[] = {"television", "projector", "tablet", "phone"};
  for (int i = 0; i < 4; i++) {
    if (is(name, names[i])) {
      return i + 1;
    }
  }
  return is(name, "tv") ? 1 : 0;
}

static int context_member(void *context, const char *key, const struct json_value *value) {
  struct reading *reading = context;
  struct json_context *into = reading->into;
  char word[JSON_TEXT_SIZE];
  double count;
  int code = OMEGA_OK;
  if (value->kind == JSON_NULL) {
    return OMEGA_OK;
  }
  if (is(key, "genre")) {
    code = text(reading, value, into->genre);
    into->request.query_text = into->genre;
  } else if (is(key, "user_profile")) {
    code = text(reading, value, into->profile);
    into->request.profile_id = into->profile;
  } else if (is(key, "current_content")) {
    code = text(reading, value, into->content);
    into->current = into->content;
    into->request.exclude_content_ids = &into->current;
    into->request.exclude_content_ids_count = into->content[0] ? 1 : 0;
  } else if (is(key, "time")) {
    code = text(reading, value, word);
    into->request.context.time_of_day = code ? 0 : time_of_day(word);
  } else if (is(key, "device")) {
    code = text(reading, value, word);
    into->request.context.device_kind = code ? 0 : device_kind(word);
  } else if (is(key, "language")) {
    code = text(reading, value, word);
  } else if (is(key, "limit") && !(code = number(reading, value, 1, 100, &count))) {
    into->request.limit = (uint32_t)count;
  }
  return code;
}

static int timestamp(const struct reading *reading, const struct json_value *value, int64_t *ms) {
  double seconds;
  if (value->kind == JSON_STRING) {
    return !value->cut && instant_read(value->text, ms)
               ? OMEGA_OK
               : fail(reading, OMEGA_ERR_INVALID_ARG, "timestamp must be as RFC 3339 has it");
  }
  int code = number(reading, value, 1, 253402300799.0, &seconds);
  if (code == OMEGA_OK) {
    *ms = (int64_t)(seconds * 1000);
  }
  return code;
}

static int event_member(void *context, const char *key, const struct json_value *value) {
  struct reading *reading = context;
  struct json_event *into = reading->into;
  omega_event *event = &into->event;
  double found;
  int code = OMEGA_OK;
  if (value->kind == JSON_NULL) {
    return OMEGA_OK;
  }
  if (is(key, "content_id")) {
    code = text(reading, value, into->content_id);
    event->content_id = into->content_id;
  } else if (is(key, "event_id")) {
    code = text(reading, value, into->event_id);
    event->event_id = into->event_id;
  } else if (is(key, "session_id")) {
    code = text(reading, value, into->session);
    event->session_id = into->session;
  } else if (is(key, "user_profile")) {
    code = text(reading, value, into->profile);
    event->profile_id = into->profile;
  } else if (is(key, "watch_percentage")) {
    code = number(reading, value, 0, 1, &event->watch_percentage);
    into->has_percentage = true;
  } else if (is(key, "user_rating")) {
    code = number(reading, value, 0, 5, &found);
    event->has_engagement = true;
    event->engagement_score = code ? 0 : found / 5;
  } else if (is(key, "duration_seconds")) {
    code = number(reading, value, 0, 86400, &found);
    event->watch_seconds = code ? 0 : (uint32_t)(found + 0.5);
  } else if (is(key, "timestamp")) {
    code = timestamp(reading, value, &event->occurred_at_ms);
  }
  return code;
}

static int read(const char *from, json_member *member, struct reading *reading) {
  *reading->why = "no JSON object";
  return json_read(from, member, reading, OMEGA_ERR_JSON_PARSE);
}

int json_context_read(const char *from, struct json_context *into, const char **why) {
  struct reading reading = {into, why};
  memset(into, 0, sizeof *into);
  return from && *from ? read(from, context_member, &reading) : OMEGA_OK;
}

int json_event_read(const char *from, struct json_event *into, const char **why) {
  struct reading reading = {into, why};
  memset(into, 0, sizeof *into);
  int code = read(from, event_member, &reading);
  if (code == OMEGA_OK && (!into->content_id[0] || !into->has_percentage)) {
    return fail(&reading, OMEGA_ERR_INVALID_ARG, "content_id and watch_percentage are needed");
  }
  return code;
}
