/* gRPC statuses, and what the library makes of them. */
#ifndef OMEGA_STATUS_H
#define OMEGA_STATUS_H

#include <stddef.h>
#include <stdint.h>

#include "omega_tv.h"

enum grpc_status {
  GRPC_OK = 0,
  GRPC_CANCELLED = 1,
  GRPC_UNKNOWN = 2,
  GRPC_INVALID_ARGUMENT = 3,
  GRPC_DEADLINE_EXCEEDED = 4,
  GRPC_NOT_FOUND = 5,
  GRPC_PERMISSION_DENIED = 7,
  GRPC_RESOURCE_EXHAUSTED = 8,
  GRPC_FAILED_PRECONDITION = 9,
  GRPC_ABORTED = 10,
  GRPC_OUT_OF_RANGE = 11,
  GRPC_INTERNAL = 13,
  GRPC_UNAVAILABLE = 14,
  GRPC_UNAUTHENTICATED = 16
};

/* The code of a function whose own code is `own`, by the table of omega_tv.h. */
int status_code(int grpc, int own);

/* The gRPC status of an answer that carries none, by its HTTP status. */
int status_of_http(int http);

/* Sets all of `status`; the text may be NULL. */
void status_set(omega_status *status, int grpc, const char *text);

/* Copies as much of a NUL-terminated text as fits, whole characters only. size is at least 1. */
void text_copy(char *to, size_t size, const char *from);

/* Decodes a percent-encoded grpc-message; control characters become spaces. */
void text_decode(char *to, size_t size, const uint8_t *from, size_t length);

#endif
