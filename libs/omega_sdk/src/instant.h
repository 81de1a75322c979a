/* Instants as RFC 3339 writes them, between 0001 and 9999. */
#ifndef OMEGA_INSTANT_H
#define OMEGA_INSTANT_H

#include <stdbool.h>
#include <stdint.h>

/* Bytes of "2025-11-30T16:26:40Z" and its end. */
#define INSTANT_SIZE 21

/* Reads one with "Z" or an offset; fractions of a second are taken to the millisecond. */
bool instant_read(const char *text, int64_t *ms);

/* Writes one in UTC, to the second; `ms` is from 1970 to 9999. */
void instant_write(int64_t ms, char text[INSTANT_SIZE]);

#endif
