/* One gRPC call: a message of nanopb's there, and one back. */
#ifndef OMEGA_CALL_H
#define OMEGA_CALL_H

#include <pb.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pool.h"

/* Largest message, as in omega_core.limits.MAX_MESSAGE. */
#define MAX_MESSAGE 4194304u

struct call {
  const char *path; /* "/package.Service/Method" */
  uint32_t timeout_ms;
  const pb_msgdesc_t *request_fields;
  const void *request;
  const pb_msgdesc_t *answer_fields;
  void *answer;
  /* Brings `answer`, and what its callbacks fill in, to where it was before: an answer is read anew
   * when a call is repeated. NULL = it is set to zeros by reading it. */
  void (*reset)(void *context);
  void *context;
};

/* Does it. `status` gets gRPC status and text; returns the gRPC status. */
int call_run(struct pool *pool, const struct call *call, omega_status *status);

#endif
