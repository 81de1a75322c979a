/* What the documented JSON of omega_tv.h says, in the typed API's form. */
#ifndef OMEGA_JSON_INPUT_H
#define OMEGA_JSON_INPUT_H

#include "json_read.h"
#include "omega_tv.h"

/* A context; request.query_text and so on point into it. */
struct json_context {
  omega_list_request request;
  const char *current;
  char genre[JSON_TEXT_SIZE], profile[JSON_TEXT_SIZE], content[JSON_TEXT_SIZE];
};

/* An event; event.content_id and so on point into it. */
struct json_event {
  omega_event event;
  bool has_percentage;
  char event_id[JSON_TEXT_SIZE], content_id[JSON_TEXT_SIZE], session[JSON_TEXT_SIZE],
      profile[JSON_TEXT_SIZE];
};

/* OMEGA_OK, OMEGA_ERR_JSON_PARSE or OMEGA_ERR_INVALID_ARG, with what to say of it in `why`. */
int json_context_read(const char *text, struct json_context *into, const char **why);
int json_event_read(const char *text, struct json_event *into, const char **why);

#endif
