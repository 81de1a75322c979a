#include "call.h"

#include <errno.h>
#include <pb_decode.h>
#include <pb_encode.h>
#include <stdlib.h>
#include <string.h>

#include "status.h"

/* The prefix of a message: not compressed, and its length. */
enum { PREFIX = 5, SMALL = 4096 };

struct body {
  uint8_t small[PREFIX + SMALL];
  uint8_t *bytes;
  size_t size;
};

/* Where an answer is read from. */
struct source {
  struct connection *connection;
  deadline_ms end;
  enum progress progress;
};

/* Encodes the request into `body`; GRPC_OK, or a status with a text. */
static int encode(const struct call *call, struct body *body, omega_status *status) {
  size_t size;
  if (!pb_get_encoded_size(&size, call->request_fields, call->request)) {
    status_set(status, GRPC_INVALID_ARGUMENT, "the request cannot be encoded");
    return status->grpc;
  }
  if (size > MAX_MESSAGE) {
    status_set(status, GRPC_INVALID_ARGUMENT, "the request is larger than 4 MiB");
    return status->grpc;
  }
  body->bytes = size > SMALL ? malloc(PREFIX + size) : body->small;
  if (!body->bytes) {
    status_set(status, GRPC_INTERNAL, "no memory for the request");
    return status->grpc;
  }
  body->size = PREFIX + size;
  body->bytes[0] = 0;
  for (int i = 0; i < 4; i++) {
    body->bytes[1 + i] = (uint8_t)(size >> (24 - 8 * i));
  }
  pb_ostream_t to = pb_ostream_from_buffer(body->bytes + PREFIX, size);
  if (!pb_encode(&to, call->request_fields, call->request)) {
    status_set(status, GRPC_INTERNAL, PB_GET_ERROR(&to));
    return status->grpc;
  }
  return GRPC_OK;
}

static bool pull(pb_istream_t *stream, pb_byte_t *to, size_t size) {
  struct source *source = stream->state;
  source->progress = connection_read(source->connection, to, size, source->end);
  return source->progress == PROGRESS_MORE;
}

/* Reads the one message of the answer; false: see `progress`, MORE = it is not of this contract. */
static bool decode(const struct call *call, struct source *source) {
  uint8_t prefix[PREFIX];
  source->progress = connection_read(source->connection, prefix, PREFIX, source->end);
  if (source->progress != PROGRESS_MORE) {
    return false;
  }
  size_t size = (size_t)prefix[1] << 24 | (size_t)prefix[2] << 16 | (size_t)prefix[3] << 8 |
                prefix[4];
  if (prefix[0] || size > MAX_MESSAGE) {
    return false;
  }
  pb_istream_t from = {.callback = pull, .state = source, .bytes_left = size};
  return pb_decode(&from, call->answer_fields, call->answer);
}

/* One try on a connection. Sets `status`; returns whether the connection can be kept. */
static bool attempt(struct connection *connection, const struct call *call,
                    const struct body *body, deadline_ms end, omega_status *status) {
  struct source source = {connection, end, PROGRESS_LOST};
  if (connection_begin(connection, call->path, body->bytes, body->size, end)) {
    bool read = decode(call, &source);
    if (read) {
      source.progress = connection_finish(connection, end);
    }
    if (source.progress == PROGRESS_ENDED) {
      connection_status(connection, status);
      if (status->grpc == GRPC_OK && !read) {
        status_set(status, GRPC_INTERNAL, "the brain's answer is cut off");
      }
      return true;
    }
  }
  connection_cancel(connection);
  switch (source.progress) {
    case PROGRESS_LATE:
      status_set(status, GRPC_DEADLINE_EXCEEDED, "the brain did not answer in time");
      return true;
    case PROGRESS_LOST:
      status_set(status, GRPC_UNAVAILABLE, "the connection to the brain broke");
      return false;
    default:
      status_set(status, GRPC_INTERNAL, "the brain's answer is not of this contract");
      return false;
  }
}

static void exchange(struct pool *pool, const struct call *call, const struct body *body,
                     deadline_ms end, omega_status *status) {
  struct connection *connection = pool_take(pool);
  bool was_kept = connection != NULL;
  for (;;) {
    if (!connection) {
      connection = pool_dial(pool, end);
    }
    if (!connection) {
      bool late = errno == ETIMEDOUT;
      status_set(status, late ? GRPC_DEADLINE_EXCEEDED : GRPC_UNAVAILABLE,
                 late ? "the brain did not answer in time" : "the brain is not up");
      return;
    }
    if (call->reset) {
      call->reset(call->context);
    }
    bool keep = attempt(connection, call, body, end, status);
    bool again = was_kept && status->grpc == GRPC_UNAVAILABLE && !connection_answered(connection);
    if (keep) {
      pool_keep(pool, connection);
    } else {
      connection_close(connection);
    }
    if (!again) {
      return;
    }
    /* A brain that was restarted, or is about to end: it never saw the call. */
    connection = NULL;
    was_kept = false;
  }
}

int call_run(struct pool *pool, const struct call *call, omega_status *status) {
  struct body body = {.bytes = NULL};
  deadline_ms end = deadline_now() + call->timeout_ms;
  status_set(status, GRPC_OK, NULL);
  if (encode(call, &body, status) == GRPC_OK) {
    if (pool_enter(pool, end)) {
      exchange(pool, call, &body, end, status);
      pool_leave(pool);
    } else {
      status_set(status, GRPC_DEADLINE_EXCEEDED, "too many calls under way");
    }
  }
  if (body.bytes != body.small) {
    free(body.bytes);
  }
  return status->grpc;
}
