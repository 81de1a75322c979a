#include "json_write.h"

#include <string.h>

static void put(struct json_writer *writer, const char *bytes, size_t count) {
  if (writer->used < writer->size) {
    size_t room = writer->size - writer->used;
    memcpy(writer->out + writer->used, bytes, count < room ? count : room);
  }
  writer->used += count;
}

void json_raw(struct json_writer *writer, const char *text) { put(writer, text, strlen(text)); }

void json_string(struct json_writer *writer, const char *text) {
  static const char digits[] = "0123456789abcdef";
  json_raw(writer, "\"");
  for (; *text; text++) {
    unsigned char byte = (unsigned char)*text;
    if (byte < 0x20 || byte == 0x7F) {
      char escaped[] = {'\\', 'u', '0', '0', digits[byte >> 4], digits[byte & 15]};
      put(writer, escaped, sizeof escaped);
    } else {
      if (byte == '"' || byte == '\\') {
        json_raw(writer, "\\");
      }
      put(writer, text, 1);
    }
  }
  json_raw(writer, "\"");
}

static void whole(struct json_writer *writer, uint64_t value, int least) {
  char digits[20];
  int count = 0;
  do {
    digits[sizeof digits - 1 - (size_t)count++] = (char)('0' + value % 10);
    value /= 10;
  } while (value || count < least);
  put(writer, digits + sizeof digits - count, (size_t)count);
}

void json_number(struct json_writer *writer, double value, int digits) {
  uint64_t unit = 1;
  for (int i = 0; i < digits; i++) {
    unit *= 10;
  }
  double most = 9e18 / (double)unit;
  if (!(value > -most && value < most)) {
    value = 0;
  }
  double magnitude = value < 0 ? -value : value;
  uint64_t units = (uint64_t)(magnitude * (double)unit + 0.5);
  if (value < 0 && units) {
    json_raw(writer, "-");
  }
  whole(writer, units / unit, 1);
  if (digits) {
    json_raw(writer, ".");
    whole(writer, units % unit, digits);
  }
}

bool json_end(struct json_writer *writer) {
  bool fits = writer->used < writer->size;
  if (writer->size) {
    writer->out[fits ? writer->used : 0] = '\0';
  }
  return fits;
}
