/* Reads one JSON object (RFC 8259) of plain values without allocating. */
#ifndef OMEGA_JSON_READ_H
#define OMEGA_JSON_READ_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes of the longest string that is taken in, its end included: 256 characters. */
#define JSON_TEXT_SIZE 1025

enum json_kind { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_NESTED };

struct json_value {
  enum json_kind kind;
  double number;             /* also 0 and 1 for false and true */
  bool cut;                  /* the string was longer than `text` */
  char text[JSON_TEXT_SIZE]; /* without escapes */
};

/* Takes in one member; anything but 0 ends the reading. */
typedef int json_member(void *context, const char *key, const struct json_value *value);

/* Reads `text`; what objects and arrays in it hold is passed over. Returns 0, what `member` returned, or
 * `malformed` where it is no JSON object, is nested deeper than 16, or has a NUL in a string. */
int json_read(const char *text, json_member *member, void *context, int malformed);

#endif
