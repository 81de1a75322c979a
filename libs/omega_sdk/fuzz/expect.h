/* What has to hold whatever the input is. */
#ifndef OMEGA_EXPECT_H
#define OMEGA_EXPECT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "omega_tv.h"

#define expect(holds) ((holds) ? (void)0 : unexpected(__FILE__, __LINE__, #holds))

static inline _Noreturn void unexpected(const char *file, int line, const char *what) {
  fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, what);
  abort();
}

/* Whether a function whose own code is `own` may return `code` for an answer. */
static inline bool is_code(int code, int own) {
  return code == OMEGA_OK || code == own || code == OMEGA_ERR_INVALID_ARG ||
         code == OMEGA_ERR_INTERNAL ||
         (code == OMEGA_ERR_BUFFER_TOO_SMALL && own != OMEGA_ERR_OBSERVE);
}

#endif
