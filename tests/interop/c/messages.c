#include "messages.h"

#include <pb_decode.h>
#include <pb_encode.h>
#include <stdlib.h>
#include <string.h>

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

bool taken(struct call *call, const pb_msgdesc_t *fields, void *message) {
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

bool nothing_left(struct call *call, const pb_msgdesc_t *fields, const void *rest) {
  size_t size = 0;
  if (pb_get_encoded_size(&size, fields, rest) && size == 0) {
    return true;
  }
  call->cannot = "the library's API lacks a field of it";
  return false;
}

void answer(struct call *call, const pb_msgdesc_t *fields, const void *message) {
  if (call->status.code == OMEGA_OK) {
    call->answer = written(fields, message, &call->answer_size);
  }
}

omega_context context_of(const omega_common_v1_ViewingContext *from) {
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
