/* Deadlines: instants of the monotonic clock, in milliseconds. */
#ifndef OMEGA_DEADLINE_H
#define OMEGA_DEADLINE_H

#include <stdint.h>
#include <time.h>

typedef int64_t deadline_ms;

/* Now. */
static inline deadline_ms deadline_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (deadline_ms)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Milliseconds that are left, 0 at least. */
static inline int deadline_left(deadline_ms end) {
  deadline_ms left = end - deadline_now();
  return left > 0 ? (int)left : 0;
}

/* The same instant for waits on a condition variable of CLOCK_MONOTONIC. */
static inline struct timespec deadline_timespec(deadline_ms end) {
  struct timespec at = {.tv_sec = (time_t)(end / 1000), .tv_nsec = (long)(end % 1000) * 1000000};
  return at;
}

#endif
