/* Takes bytes for the JSON that firmware hands over, and for an instant of RFC 3339.
 *
 * What was read keeps to its bounds, and what is written of it is read as the same again.
 */
#include <math.h>
#include <string.h>

#include "expect.h"
#include "instant.h"
#include "json_input.h"
#include "json_text.h"
#include "json_write.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static bool refusal(int code) {
  return code == OMEGA_ERR_INVALID_ARG || code == OMEGA_ERR_JSON_PARSE;
}

/* A string that was read, written and read again. */
static void again(const char *text) {
  enum { MOST = 6 * JSON_TEXT_SIZE + 3 };
  char written[MOST], read[JSON_TEXT_SIZE];
  bool cut;
  struct json_writer writer = {.out = written, .size = sizeof written};
  expect(strlen(text) < JSON_TEXT_SIZE);
  json_string(&writer, text);
  expect(json_end(&writer));
  const char *end = json_text(written, read, sizeof read, &cut);
  expect(end && !*end && !cut && !strcmp(text, read));
}

static void context(const char *text) {
  struct json_context read;
  const char *why = NULL;
  int code = json_context_read(text, &read, &why);
  if (code) {
    expect(refusal(code) && why);
    return;
  }
  const omega_list_request *request = &read.request;
  expect(request->limit <= 100 && !request->offset);
  expect(request->context.time_of_day >= 0 && request->context.time_of_day <= 4);
  expect(request->context.device_kind >= 0 && request->context.device_kind <= 4);
  expect(request->exclude_content_ids_count <= 1);
  again(read.genre);
  again(read.profile);
  again(read.content);
}

static void event(const char *text) {
  struct json_event read;
  const char *why = NULL;
  int code = json_event_read(text, &read, &why);
  if (code) {
    expect(refusal(code) && why);
    return;
  }
  const omega_event *event = &read.event;
  expect(event->watch_percentage >= 0 && event->watch_percentage <= 1);
  expect(event->engagement_score >= 0 && event->engagement_score <= 1);
  expect(event->watch_seconds <= 86400);
  expect(event->content_id && *event->content_id);
  again(read.content_id);
  again(read.event_id);
  again(read.session);
  again(read.profile);
}

static void instant(const char *text) {
  char written[INSTANT_SIZE];
  int64_t ms, read;
  /* The years that are written: 1970 to 9999. */
  if (instant_read(text, &ms) && ms >= 0 && ms <= 253402300799999) {
    instant_write(ms, written);
    expect(instant_read(written, &read) && read == ms - ms % 1000);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  /* Of exactly its size, so that a byte read behind the end is seen. */
  char *text = malloc(size + 1);
  expect(text != NULL);
  memcpy(text, bytes, size);
  text[size] = '\0';
  context(text);
  event(text);
  instant(text);
  free(text);
  return 0;
}
