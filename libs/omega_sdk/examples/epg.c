/* Hands the programmes of an XMLTV guide over to the brain, and shows a list.
 *
 * Usage: epg TARGET GUIDE.XML
 * Reads <programme> with <title>, <desc>, <category> and <date>, one tag a line or many. It is a
 * sketch of a loader, no XML parser: comments and CDATA are not understood.
 */
#include <omega_tv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 100, GENRES = 16 };

struct programme {
  char id[129], title[301], description[1001], genres[GENRES][65];
  const char *genre_list[GENRES];
};

static struct programme programmes[BATCH];
static omega_content contents[BATCH];

static char *read_file(const char *name) {
  FILE *file = fopen(name, "rb");
  char *text = NULL;
  long size;
  if (file && !fseek(file, 0, SEEK_END) && (size = ftell(file)) >= 0) {
    rewind(file);
    text = malloc((size_t)size + 1);
    if (text) {
      text[fread(text, 1, (size_t)size, file)] = '\0';
    }
  }
  if (file) {
    fclose(file);
  }
  return text;
}

/* Text with the five entities of XML replaced, cut between characters to what fits. */
static void copy(char *to, size_t size, const char *from, const char *end) {
  static const char *const names[] = {"&amp;", "&lt;", "&gt;", "&quot;", "&apos;"};
  size_t used = 0;
  while (from < end && used + 1 < size) {
    char found = *from;
    size_t taken = 1;
    for (int i = 0; *from == '&' && i < 5; i++) {
      size_t length = strlen(names[i]);
      if ((size_t)(end - from) >= length && !memcmp(from, names[i], length)) {
        found = "&<>\"'"[i];
        taken = length;
      }
    }
    to[used++] = found;
    from += taken;
  }
  if (from < end && ((unsigned char)*from & 0xC0) == 0x80) {
    while (used && ((unsigned char)to[used - 1] & 0xC0) == 0x80) {
      used--;
    }
    used -= used ? 1 : 0;
  }
  to[used] = '\0';
}

/* The text of the next element of this name before `end`; returns the place behind, or NULL. */
static const char *element(const char *at, const char *end, const char *name, char *to,
                           size_t size) {
  size_t length = strlen(name);
  for (; (at = strchr(at, '<')) && at < end; at++) {
    if (!strncmp(at + 1, name, length) && strchr(" >\t", at[1 + length])) {
      const char *from = strchr(at, '>'), *close = from ? strstr(from, "</") : NULL;
      if (!close || close > end) {
        return NULL;
      }
      copy(to, size, from + 1, close);
      return close;
    }
  }
  return NULL;
}

/* An id that is the same whenever the same title comes: FNV-1a of it. */
static void name_it(struct programme *programme) {
  unsigned long long hash = 14695981039346656037ull;
  for (const char *at = programme->title; *at; at++) {
    hash = (hash ^ (unsigned char)*at) * 1099511628211ull;
  }
  snprintf(programme->id, sizeof programme->id, "epg-%016llx", hash);
}

static bool read_programme(const char *at, const char *end, struct programme *programme,
                           omega_content *content) {
  char date[16] = "";
  memset(content, 0, sizeof *content);
  programme->description[0] = '\0';
  if (!element(at, end, "title", programme->title, sizeof programme->title) ||
      !programme->title[0]) {
    return false;
  }
  name_it(programme);
  element(at, end, "desc", programme->description, sizeof programme->description);
  element(at, end, "date", date, sizeof date);
  const char *next = at;
  while (content->genres_count < GENRES &&
         (next = element(next, end, "category", programme->genres[content->genres_count],
                         sizeof programme->genres[0]))) {
    if (programme->genres[content->genres_count][0]) {
      programme->genre_list[content->genres_count] = programme->genres[content->genres_count];
      content->genres_count++;
    }
  }
  date[4] = '\0';
  int year = atoi(date);
  content->content_id = programme->id;
  content->title = programme->title;
  content->kind = OMEGA_KIND_LIVE;
  content->description = programme->description;
  content->genres = programme->genre_list;
  content->year = year >= 1870 && year <= 2200 ? (uint32_t)year : 0;
  return true;
}

static int store(omega_client *client, size_t count, unsigned *total) {
  omega_status status;
  omega_upserted upserted;
  int code = count ? omega_client_upsert(client, 0, contents, count, &upserted, &status) : 0;
  if (code) {
    fprintf(stderr, "upsert: %d: %s\n", code, status.text);
  } else if (count) {
    *total += upserted.added + upserted.updated + upserted.unchanged;
  }
  return code;
}

static int load(omega_client *client, const char *guide, unsigned *total) {
  size_t count = 0;
  int code = 0;
  for (const char *at = guide; !code && (at = strstr(at, "<programme")); at++) {
    const char *end = strstr(at, "</programme>");
    if (!end) {
      break;
    }
    if (read_programme(at + 1, end, &programmes[count], &contents[count]) && ++count == BATCH) {
      code = store(client, count, total);
      count = 0;
    }
  }
  return code ? code : store(client, count, total);
}

static int show(omega_client *client) {
  static omega_title titles[10];
  static char text[16384];
  omega_list list = {.titles = titles, .titles_size = 10, .text = text, .text_size = sizeof text};
  omega_list_request request = {.limit = 10};
  omega_status status;
  int code = omega_client_recommend(client, 0, &request, &list, &status);
  if (code) {
    fprintf(stderr, "recommend: %d: %s\n", code, status.text);
    return code;
  }
  for (size_t i = 0; i < list.titles_count; i++) {
    printf("%.3f %s: %s\n", titles[i].score, titles[i].title, titles[i].reason);
  }
  return 0;
}

int main(int argc, char **argv) {
  omega_client *client;
  unsigned total = 0;
  if (argc != 3) {
    fprintf(stderr, "usage: epg TARGET GUIDE.XML\n");
    return 2;
  }
  omega_options options = {.target = argv[1]};
  char *guide = read_file(argv[2]);
  if (!guide || omega_client_open(&options, &client)) {
    fprintf(stderr, "no guide, or no such target\n");
    free(guide);
    return 1;
  }
  int code = load(client, guide, &total);
  if (!code) {
    printf("%u titles\n", total);
    code = show(client);
  }
  omega_client_close(client);
  free(guide);
  return code ? 1 : 0;
}
