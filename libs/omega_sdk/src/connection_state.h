/* What connection.c and h2.c know of a connection. */
#ifndef OMEGA_CONNECTION_STATE_H
#define OMEGA_CONNECTION_STATE_H

#include <nghttp2/nghttp2.h>

#include "connection.h"

enum { CHUNK = 8192 };

struct connection {
  int fd;
  nghttp2_session *h2;
  bool lost;

  /* Bytes of nghttp2's that the socket did not take yet. */
  const uint8_t *unsent;
  size_t unsent_size;

  /* The call. */
  int32_t stream;
  const uint8_t *body;
  size_t body_size;
  bool answered, ended, refused;
  int http, grpc;
  char text[OMEGA_TEXT_SIZE];

  /* What came of the answer and was not read; empty whenever the socket is read. */
  size_t begin, end;
  uint8_t answer[CHUNK], raw[CHUNK];
};

/* Begins the HTTP/2 session of a connection; false when there is no memory. */
bool h2_begin(struct connection *connection);

/* Submits the request of the call that `connection` holds; false when that cannot be. */
bool h2_submit(struct connection *connection, const char *path, const char *timeout);

#endif
