#include "instant.h"

#include <stddef.h>
#include <string.h>

enum { DAY = 86400, DAYS_OF_ERA = 146097, DAYS_TO_1970 = 719468 };

/* Days since 1970-01-01 of a day of the Gregorian calendar (Hinnant, "chrono-compatible low-level
 * date algorithms", days_from_civil; the era is 400 years from 1 March on). */
static int64_t days_of(int year, int month, int day) {
  year -= month <= 2;
  int era = year / 400, of_era = year - era * 400;
  int of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
  return (int64_t)era * DAYS_OF_ERA + of_era * 365 + of_era / 4 - of_era / 100 + of_year -
         DAYS_TO_1970;
}

/* `count` digits as a number; -1 when there are others. */
static int digits(const char **at, int count) {
  int value = 0;
  for (; count; count--, (*at)++) {
    if (**at < '0' || **at > '9') {
      return -1;
    }
    value = 10 * value + (**at - '0');
  }
  return value;
}

static bool skip(const char **at, const char *one_of) {
  bool found = **at && strchr(one_of, **at);
  *at += found;
  return found;
}

static bool offset(const char **at, int *seconds) {
  bool west = **at == '-';
  if (skip(at, "Zz")) {
    *seconds = 0;
    return true;
  }
  int hours, minutes;
  if (!skip(at, "+-") || (hours = digits(at, 2)) < 0 || !skip(at, ":") ||
      (minutes = digits(at, 2)) < 0 || hours > 23 || minutes > 59) {
    return false;
  }
  *seconds = (west ? -1 : 1) * (hours * 3600 + minutes * 60);
  return true;
}

bool instant_read(const char *text, int64_t *ms) {
  static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  int year, month, day, hour, minute, second, east, fraction = 0;
  if ((year = digits(&text, 4)) < 1 || !skip(&text, "-") || (month = digits(&text, 2)) < 1 ||
      month > 12 || !skip(&text, "-") || (day = digits(&text, 2)) < 1 || !skip(&text, "Tt ") ||
      (hour = digits(&text, 2)) < 0 || hour > 23 || !skip(&text, ":") ||
      (minute = digits(&text, 2)) < 0 || minute > 59 || !skip(&text, ":") ||
      (second = digits(&text, 2)) < 0 || second > 60) {
    return false;
  }
  bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  if (day > lengths[month - 1] + (month == 2 && leap)) {
    return false;
  }
  if (skip(&text, ".")) {
    int unit = 100;
    if (*text < '0' || *text > '9') {
      return false;
    }
    for (; *text >= '0' && *text <= '9'; text++, unit /= 10) {
      fraction += unit * (*text - '0');
    }
  }
  if (!offset(&text, &east) || *text) {
    return false;
  }
  *ms = ((days_of(year, month, day) * DAY + hour * 3600 + minute * 60 + second - east)) * 1000 +
        fraction;
  return true;
}

static char *put(char *to, int64_t value, int count, char after) {
  for (int i = count - 1; i >= 0; i--, value /= 10) {
    to[i] = (char)('0' + value % 10);
  }
  to[count] = after;
  return to + count + 1;
}

void instant_write(int64_t ms, char text[INSTANT_SIZE]) {
  int64_t days = ms / 1000 / DAY + DAYS_TO_1970, seconds = ms / 1000 % DAY;
  int64_t era = days / DAYS_OF_ERA, of_era = days % DAYS_OF_ERA;
  int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
  int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
  int64_t from_march = (5 * of_year + 2) / 153;
  int64_t month = from_march < 10 ? from_march + 3 : from_march - 9;
  text = put(text, year + era * 400 + (month <= 2), 4, '-');
  text = put(text, month, 2, '-');
  text = put(text, of_year - (153 * from_march + 2) / 5 + 1, 2, 'T');
  text = put(text, seconds / 3600, 2, ':');
  text = put(text, seconds / 60 % 60, 2, ':');
  text = put(text, seconds % 60, 2, 'Z');
  *text = '\0';
}
