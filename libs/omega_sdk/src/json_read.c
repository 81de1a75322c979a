#include "json_read.h"

#include <stdint.h>
#include <string.h>

#include "json_text.h"

enum { DEEPEST = 16, KEY_SIZE = 64, EXACT_DIGITS = 18, HIGHEST_EXPONENT = 400 };

/* Each function takes the place where it reads, and returns the place behind, NULL = malformed. */

static const char *spaces(const char *at) {
  while (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r') {
    at++;
  }
  return at;
}

static bool digit(char c) { return c >= '0' && c <= '9'; }

static double scaled(uint64_t digits, int exponent) {
  double value = (double)digits, power = 1;
  for (int left = exponent < 0 ? -exponent : exponent; left; left--) {
    power *= 10;
  }
  return exponent < 0 ? value / power : value * power;
}

/* A number; strtod would want the point of the locale. Right to 15 digits. */
static const char *number(const char *at, double *value) {
  bool negative = *at == '-', down = false;
  uint64_t digits = 0;
  int kept = 0, shift = 0, exponent = 0;
  at += negative;
  if (!digit(*at) || (at[0] == '0' && digit(at[1]))) {
    return NULL;
  }
  for (bool after = false; digit(*at) || (*at == '.' && !after && digit(at[1])); at++) {
    if (*at == '.') {
      after = true;
    } else if (kept < EXACT_DIGITS) {
      digits = 10 * digits + (uint64_t)(*at - '0');
      kept += digits ? 1 : 0;
      shift -= after ? 1 : 0;
    } else if (shift < HIGHEST_EXPONENT) {
      shift += after ? 0 : 1;
    }
  }
  if (*at == 'e' || *at == 'E') {
    at++;
    down = *at == '-';
    at += *at == '-' || *at == '+';
    if (!digit(*at)) {
      return NULL;
    }
    for (; digit(*at); at++) {
      exponent = exponent < HIGHEST_EXPONENT ? 10 * exponent + (*at - '0') : HIGHEST_EXPONENT;
    }
  }
  exponent = (down ? -exponent : exponent) + shift;
  exponent = exponent > HIGHEST_EXPONENT ? HIGHEST_EXPONENT : exponent;
  exponent = exponent < -HIGHEST_EXPONENT ? -HIGHEST_EXPONENT : exponent;
  *value = digits ? scaled(digits, exponent) : 0;
  *value = negative ? -*value : *value;
  return at;
}

static const char *word(const char *at, const char *wanted) {
  size_t length = strlen(wanted);
  return strncmp(at, wanted, length) ? NULL : at + length;
}

static const char *value_at(const char *at, struct json_value *value, int depth);

/* An object or array inside, from its opening bracket on. */
static const char *nested(const char *at, struct json_value *scratch, int depth) {
  char close = *at == '{' ? '}' : ']';
  bool object = *at == '{', cut;
  if (depth == DEEPEST) {
    return NULL;
  }
  at = spaces(at + 1);
  if (*at == close) {
    return at + 1;
  }
  for (;;) {
    if (object) {
      at = json_text(at, scratch->text, sizeof scratch->text, &cut);
      if (!at || *(at = spaces(at)) != ':') {
        return NULL;
      }
      at = spaces(at + 1);
    }
    if (!(at = value_at(at, scratch, depth + 1))) {
      return NULL;
    }
    at = spaces(at);
    if (*at == close) {
      return at + 1;
    }
    if (*at != ',') {
      return NULL;
    }
    at = spaces(at + 1);
  }
}

static const char *value_at(const char *at, struct json_value *value, int depth) {
  value->number = 0;
  value->cut = false;
  value->text[0] = '\0';
  switch (*at) {
    case '"':
      value->kind = JSON_STRING;
      return json_text(at, value->text, sizeof value->text, &value->cut);
    case '{':
    case '[':
      at = nested(at, value, depth);
      value->kind = JSON_NESTED;
      return at;
    case 'n':
      value->kind = JSON_NULL;
      return word(at, "null");
    case 't':
    case 'f':
      value->kind = JSON_BOOL;
      value->number = *at == 't';
      return word(at, *at == 't' ? "true" : "false");
    default:
      value->kind = JSON_NUMBER;
      return number(at, &value->number);
  }
}

int json_read(const char *text, json_member *member, void *context, int malformed) {
  struct json_value value;
  char key[KEY_SIZE];
  bool cut;
  const char *at = spaces(text);
  if (*at++ != '{') {
    return malformed;
  }
  at = spaces(at);
  if (*at == '}') {
    return *spaces(at + 1) ? malformed : 0;
  }
  for (;;) {
    at = json_text(at, key, sizeof key, &cut);
    if (!at || *(at = spaces(at)) != ':' || !(at = value_at(spaces(at + 1), &value, 1))) {
      return malformed;
    }
    int result = cut ? 0 : member(context, key, &value);
    if (result) {
      return result;
    }
    at = spaces(at);
    if (*at == '}') {
      return *spaces(at + 1) ? malformed : 0;
    }
    if (*at != ',') {
      return malformed;
    }
    at = spaces(at + 1);
  }
}
