#include "json_text.h"

#include <stdint.h>
#include <string.h>

static bool digit(char c) { return c >= '0' && c <= '9'; }

struct text {
  char *to;
  size_t size, used;
  bool cut;
};

static void put(struct text *text, const uint8_t *bytes, size_t count) {
  if (text->cut || text->size - text->used <= count) {
    text->cut = true;
    return;
  }
  memcpy(text->to + text->used, bytes, count);
  text->used += count;
}

static void put_character(struct text *text, uint32_t code) {
  uint8_t bytes[4];
  size_t count = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  static const uint8_t first[] = {0, 0, 0xC0, 0xE0, 0xF0};
  for (size_t i = count - 1; i > 0; i--, code >>= 6) {
    bytes[i] = (uint8_t)(0x80 | (code & 0x3F));
  }
  bytes[0] = (uint8_t)(first[count] | code);
  put(text, bytes, count);
}

static const char *hex4(const char *at, uint32_t *code) {
  *code = 0;
  for (int i = 0; i < 4; i++, at++) {
    char lower = (char)(*at | 0x20);
    if (digit(*at)) {
      *code = *code << 4 | (uint32_t)(*at - '0');
    } else if (lower >= 'a' && lower <= 'f') {
      *code = *code << 4 | (uint32_t)(lower - 'a' + 10);
    } else {
      return NULL;
    }
  }
  return at;
}

/* What follows "\u". */
static const char *unicode(const char *at, struct text *text) {
  uint32_t code, low;
  if (!(at = hex4(at, &code)) || !code || (code >= 0xDC00 && code <= 0xDFFF)) {
    return NULL;
  }
  if (code >= 0xD800 && code <= 0xDBFF) {
    if (at[0] != '\\' || at[1] != 'u' || !(at = hex4(at + 2, &low)) || low < 0xDC00 ||
        low > 0xDFFF) {
      return NULL;
    }
    code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
  }
  put_character(text, code);
  return at;
}

const char *json_text(const char *at, char *to, size_t size, bool *cut) {
  static const char escapes[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
  struct text text = {.to = to, .size = size};
  if (*at++ != '"') {
    return NULL;
  }
  while (at && *at != '"') {
    if ((unsigned char)*at < 0x20) {
      return NULL;
    }
    if (*at != '\\') {
      put(&text, (const uint8_t *)at++, 1);
    } else if (at[1] == 'u') {
      at = unicode(at + 2, &text);
    } else {
      const char *found = at[1] ? strchr(escapes, at[1]) : NULL;
      if (!found) {
        return NULL;
      }
      put(&text, (const uint8_t *)&meanings[found - escapes], 1);
      at += 2;
    }
  }
  to[text.used] = '\0';
  *cut = text.cut;
  return at ? at + 1 : NULL;
}
