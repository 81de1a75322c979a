#include "connection.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "connection_state.h"
#include "status.h"

struct connection *connection_open(const struct address *address, deadline_ms end) {
  struct connection *c = calloc(1, sizeof *c);
  if (!c) {
    return NULL;
  }
  c->fd = address_dial(address, end);
  if (c->fd < 0 || !h2_begin(c)) {
    int error = c->fd < 0 ? errno : ENOMEM;
    connection_close(c);
    errno = error;
    return NULL;
  }
  return c;
}

void connection_close(struct connection *c) {
  if (!c) {
    return;
  }
  nghttp2_session_del(c->h2);
  if (c->fd >= 0) {
    close(c->fd);
  }
  free(c);
}

/* Sends what the socket takes without waiting. */
static void flush(struct connection *c) {
  while (!c->lost) {
    if (!c->unsent_size) {
      nghttp2_ssize size = nghttp2_session_mem_send2(c->h2, &c->unsent);
      if (size <= 0) {
        c->lost = size < 0;
        return;
      }
      c->unsent_size = (size_t)size;
    }
    ssize_t sent = send(c->fd, c->unsent, c->unsent_size, MSG_NOSIGNAL);
    if (sent >= 0) {
      c->unsent += sent;
      c->unsent_size -= (size_t)sent;
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      return;
    } else if (errno != EINTR) {
      c->lost = true;
    }
  }
}

/* Takes in one piece of what lies in the socket; false when nothing does. */
static bool take(struct connection *c) {
  ssize_t size = recv(c->fd, c->raw, sizeof c->raw, 0);
  if (size > 0) {
    c->lost = nghttp2_session_mem_recv2(c->h2, c->raw, (size_t)size) < 0;
    return true;
  }
  if (!size || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)) {
    c->lost = true;
  }
  return false;
}

/* Waits until bytes of the answer lie in `answer`, or it has ended. */
static enum progress pump(struct connection *c, deadline_ms end) {
  c->begin = c->end = 0;
  for (;;) {
    flush(c);
    if (c->end) {
      return PROGRESS_MORE;
    }
    if (c->ended) {
      return PROGRESS_ENDED;
    }
    if (c->lost) {
      return PROGRESS_LOST;
    }
    int left = deadline_left(end);
    if (!left) {
      return PROGRESS_LATE;
    }
    struct pollfd wait = {.fd = c->fd, .events = POLLIN};
    if (c->unsent_size) {
      wait.events |= POLLOUT;
    }
    if (poll(&wait, 1, left) > 0 && wait.revents & (POLLIN | POLLHUP | POLLERR)) {
      take(c);
    }
  }
}

bool connection_usable(struct connection *c) {
  while (!c->lost && take(c)) {
    c->begin = c->end = 0;
  }
  flush(c);
  return !c->lost && !c->unsent_size && nghttp2_session_check_request_allowed(c->h2);
}

bool connection_begin(struct connection *c, const char *path, const uint8_t *body, size_t size,
                      deadline_ms end) {
  char timeout[16];
  snprintf(timeout, sizeof timeout, "%dm", deadline_left(end));
  c->body = body;
  c->body_size = size;
  c->answered = c->ended = c->refused = false;
  c->begin = c->end = 0;
  c->http = c->grpc = -1;
  c->text[0] = '\0';
  return h2_submit(c, path, timeout);
}

enum progress connection_read(struct connection *c, uint8_t *to, size_t size, deadline_ms end) {
  while (size) {
    if (c->begin == c->end) {
      enum progress progress = pump(c, end);
      if (progress != PROGRESS_MORE) {
        return progress;
      }
    }
    size_t piece = c->end - c->begin < size ? c->end - c->begin : size;
    memcpy(to, c->answer + c->begin, piece);
    c->begin += piece;
    to += piece;
    size -= piece;
  }
  return PROGRESS_MORE;
}

enum progress connection_finish(struct connection *c, deadline_ms end) {
  return c->begin < c->end ? PROGRESS_MORE : pump(c, end);
}

void connection_cancel(struct connection *c) {
  if (!c->ended && !c->lost) {
    nghttp2_submit_rst_stream(c->h2, NGHTTP2_FLAG_NONE, c->stream, NGHTTP2_CANCEL);
    flush(c);
  }
  c->stream = -1;
  c->body = NULL;
  c->body_size = 0;
}

bool connection_answered(const struct connection *c) { return c->answered && !c->refused; }

void connection_status(const struct connection *c, omega_status *status) {
  if (c->grpc >= 0) {
    status_set(status, c->grpc, c->text);
  } else {
    status_set(status, status_of_http(c->http), "the answer has no status");
  }
}
