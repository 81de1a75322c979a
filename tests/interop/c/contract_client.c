/* Makes the calls of `omega contract brain --client` with libomega_tv, as far as its typed API can;
 * docs/contracts.md has the protocol.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "calls.h"
#include "words.h"

enum { LINES = 64, WORDS = 11, BASE_10 = 10 };
/* Words of a call. */
enum { VERB, LINE, PATH, STREAMS, DEADLINE, TAKE, HOLD, AS_IS, PATIENCE, METADATA, MESSAGES };

static omega_client *lines[LINES];

static size_t split(char *text, char *words[WORDS]) {
  size_t count = 0;
  for (char *word = strtok(text, " \n"); word && count < WORDS; word = strtok(NULL, " \n")) {
    words[count++] = word;
  }
  return count;
}

static omega_client **line_of(const char *word) {
  unsigned long number = strtoul(word, NULL, BASE_10);
  return number < LINES ? &lines[number] : NULL;
}

/* open LINE TARGET TRUST */
static void open_line(char *words[WORDS]) {
  omega_client **line = line_of(words[LINE]);
  size_t size;
  char *target = (char *)word_bytes(words[2], &size);
  omega_options options = {.target = target};
  if (strcmp(words[3], "-")) {
    puts("cannot libomega_tv calls its own machine, without TLS");
  } else if (!line || !target || omega_client_open(&options, line) != OMEGA_OK) {
    puts("cannot libomega_tv calls 127.0.0.1:PORT or a unix socket");
  } else {
    puts("ok");
  }
  free(target);
}

static void tell(const struct call *call) {
  if (call->cannot) {
    printf("cannot %s\n", call->cannot);
  } else if (call->answer) {
    fputs("ended 0 - ", stdout);
    word_print(call->answer, call->answer_size);
    putchar(' ');
    word_print(call->answer, call->answer_size);
    putchar('\n');
  } else {
    printf("ended %d ? - -\n", call->status.grpc ? call->status.grpc : 2);
  }
}

static void make(char *words[WORDS]) {
  omega_client **line = line_of(words[LINE]);
  struct call call = {.client = line ? *line : NULL};
  uint8_t *request = word_bytes(words[MESSAGES], &call.request_size);
  call.request = request;
  if (!call.client || !request || strchr(words[MESSAGES], ',')) {
    call.cannot = "libomega_tv sends one message a call";
  } else if (strcmp(words[METADATA], "-")) {
    call.cannot = "libomega_tv sends no metadata";
  } else if (!strcmp(words[DEADLINE], "-")) {
    call.cannot = "libomega_tv makes no call without a deadline";
  } else {
    call.timeout_ms = (uint32_t)strtoul(words[DEADLINE], NULL, BASE_10);
    call_make(words[PATH], &call);
  }
  tell(&call);
  free(request);
  free(call.answer);
}

int main(void) {
  char *text = NULL, *words[WORDS] = {0};
  size_t room = 0;
  while (getline(&text, &room, stdin) > 0) {
    size_t count = split(text, words);
    if (count == 4 && !strcmp(words[VERB], "open")) {
      open_line(words);
    } else if (count == WORDS && !strcmp(words[VERB], "call")) {
      make(words);
    } else {
      puts("ok"); /* release: no call is left open */
    }
    fflush(stdout);
  }
  for (size_t i = 0; i < LINES; i++) {
    omega_client_close(lines[i]);
  }
  free(text);
  return 0;
}
