/* Words of the protocol: bytes as ":" and base64, lists joined by ",", "-" for an empty list. */
#ifndef WORDS_H
#define WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The bytes of the one item of a list, with a NUL behind them; NULL where it is not one item. To be
 * freed. */
uint8_t *word_bytes(const char *word, size_t *size);

/* Prints the bytes as a list of one item. */
void word_print(const uint8_t *bytes, size_t size);

#endif
