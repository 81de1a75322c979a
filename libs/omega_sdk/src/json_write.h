/* Writes JSON into a buffer of the caller, and counts on where it does not fit. */
#ifndef OMEGA_JSON_WRITE_H
#define OMEGA_JSON_WRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json_writer {
  char *out;
  size_t size;
  size_t used; /* bytes so far, whether they fit or not; without the NUL */
};

/* Writes as it stands. */
void json_raw(struct json_writer *writer, const char *text);

/* Writes a string of UTF-8 with its quotes. */
void json_string(struct json_writer *writer, const char *text);

/* Writes a number with so many digits behind the point, 0 to 9; what is not finite as 0. */
void json_number(struct json_writer *writer, double value, int digits);

/* Ends the text. False when it does not fit with its NUL: then the buffer has "". */
bool json_end(struct json_writer *writer);

#endif
