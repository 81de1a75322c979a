#include "words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char DIGITS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

uint8_t *word_bytes(const char *word, size_t *size) {
  if (*word++ != ':') {
    return NULL;
  }
  uint8_t *bytes = malloc(strlen(word) / 4 * 3 + 1);
  uint32_t held = 0;
  int bits = 0;
  *size = 0;
  for (; bytes && *word && *word != '='; word++) {
    const char *digit = strchr(DIGITS, *word);
    if (!digit) {
      free(bytes);
      return NULL;
    }
    held = held << 6 | (uint32_t)(digit - DIGITS);
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes[(*size)++] = (uint8_t)(held >> bits);
    }
  }
  if (bytes) {
    bytes[*size] = 0;
  }
  return bytes;
}

void word_print(const uint8_t *bytes, size_t size) {
  putchar(':');
  for (size_t i = 0; i < size; i += 3) {
    uint32_t held = (uint32_t)bytes[i] << 16;
    held |= i + 1 < size ? (uint32_t)bytes[i + 1] << 8 : 0;
    held |= i + 2 < size ? bytes[i + 2] : 0;
    putchar(DIGITS[held >> 18]);
    putchar(DIGITS[held >> 12 & 63]);
    putchar(i + 1 < size ? DIGITS[held >> 6 & 63] : '=');
    putchar(i + 2 < size ? DIGITS[held & 63] : '=');
  }
}
