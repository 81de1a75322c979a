/* Calls of the suite as libomega_tv makes them. */
#ifndef CALLS_H
#define CALLS_H

#include <omega_tv.h>
#include <stddef.h>
#include <stdint.h>

struct call {
  omega_client *client;
  uint32_t timeout_ms;
  const uint8_t *request; /* serialised */
  size_t request_size;

  const char *cannot; /* out: why the library has no way to say it; NULL = the call was made */
  omega_status status; /* out: how it ended */
  uint8_t *answer;     /* out: serialised, to be freed; NULL unless it ended well */
  size_t answer_size;
};

/* Makes the call of a path, "/omega.brain.v1.BrainService/GetStats". */
void call_make(const char *path, struct call *call);

#endif
