/* HTTP/2 by nghttp2: what it tells of a call, and what it is told to send. */
#include <string.h>

#include "connection_state.h"
#include "status.h"

enum { MAX_HEADER_LIST = 16384, MAX_DIGITS = 3 };

static int number(const uint8_t *digits, size_t length) {
  int value = 0;
  if (!length || length > MAX_DIGITS) {
    return -1;
  }
  for (size_t i = 0; i < length; i++) {
    if (digits[i] < '0' || digits[i] > '9') {
      return -1;
    }
    value = 10 * value + digits[i] - '0';
  }
  return value;
}

static bool is(const char *name, const uint8_t *bytes, size_t length) {
  return length == strlen(name) && !memcmp(bytes, name, length);
}

static int on_header(nghttp2_session *h2, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_size, const uint8_t *value, size_t value_size, uint8_t flags,
                     void *user) {
  struct connection *c = user;
  (void)h2, (void)flags;
  if (frame->hd.stream_id != c->stream) {
    return 0;
  }
  c->answered = true;
  if (is(":status", name, name_size)) {
    c->http = number(value, value_size);
  } else if (is("grpc-status", name, name_size)) {
    c->grpc = number(value, value_size);
  } else if (is("grpc-message", name, name_size)) {
    text_decode(c->text, sizeof c->text, value, value_size);
  }
  return 0;
}

static int on_data(nghttp2_session *h2, uint8_t flags, int32_t stream, const uint8_t *data,
                   size_t size, void *user) {
  struct connection *c = user;
  (void)h2, (void)flags;
  if (stream == c->stream) {
    if (size > sizeof c->answer - c->end) {
      return NGHTTP2_ERR_CALLBACK_FAILURE;
    }
    memcpy(c->answer + c->end, data, size);
    c->end += size;
    c->answered = true;
  }
  return 0;
}

static int on_close(nghttp2_session *h2, int32_t stream, uint32_t error, void *user) {
  struct connection *c = user;
  (void)h2;
  if (stream == c->stream) {
    c->ended = true;
    c->refused = error == NGHTTP2_REFUSED_STREAM;
    if (error && c->grpc < 0) {
      c->grpc = error == NGHTTP2_CANCEL ? GRPC_CANCELLED : GRPC_UNAVAILABLE;
      text_copy(c->text, sizeof c->text, "the brain broke the call off");
    }
  }
  return 0;
}

static nghttp2_ssize on_body(nghttp2_session *h2, int32_t stream, uint8_t *to, size_t size,
                             uint32_t *flags, nghttp2_data_source *source, void *user) {
  struct connection *c = user;
  (void)h2, (void)source;
  if (stream != c->stream) {
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  }
  if (size > c->body_size) {
    size = c->body_size;
  }
  memcpy(to, c->body, size);
  c->body += size;
  c->body_size -= size;
  if (!c->body_size) {
    *flags |= NGHTTP2_DATA_FLAG_EOF;
  }
  return (nghttp2_ssize)size;
}

bool h2_begin(struct connection *c) {
  nghttp2_session_callbacks *callbacks = NULL;
  nghttp2_settings_entry settings[] = {
      {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, MAX_HEADER_LIST},
  };
  if (nghttp2_session_callbacks_new(&callbacks)) {
    return false;
  }
  nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
  int failed = nghttp2_session_client_new(&c->h2, callbacks, c);
  nghttp2_session_callbacks_del(callbacks);
  return !failed && !nghttp2_submit_settings(c->h2, NGHTTP2_FLAG_NONE, settings,
                                             sizeof settings / sizeof *settings);
}

#define FIELD(name, value)                                                    \
  {                                                                           \
    (uint8_t *)(uintptr_t)(name), (uint8_t *)(uintptr_t)(value), strlen(name), \
        strlen(value), NGHTTP2_NV_FLAG_NONE                                   \
  }

bool h2_submit(struct connection *c, const char *path, const char *timeout) {
  nghttp2_nv fields[] = {
      FIELD(":method", "POST"),
      FIELD(":scheme", "http"),
      FIELD(":path", path),
      FIELD(":authority", "localhost"),
      FIELD("te", "trailers"),
      FIELD("content-type", "application/grpc"),
      FIELD("user-agent", "omega-tv-c"),
      FIELD("grpc-timeout", timeout),
  };
  nghttp2_data_provider2 source = {.read_callback = on_body};
  c->stream = nghttp2_submit_request2(c->h2, NULL, fields, sizeof fields / sizeof *fields, &source,
                                      NULL);
  return c->stream > 0;
}
