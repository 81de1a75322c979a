/* Strings of JSON. */
#ifndef OMEGA_JSON_TEXT_H
#define OMEGA_JSON_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* Reads a string from its opening quote on, into `to` without escapes, cut to `size` bytes with its
 * end. Returns the place behind it, NULL = it is malformed or has a NUL. */
const char *json_text(const char *at, char *to, size_t size, bool *cut);

#endif
