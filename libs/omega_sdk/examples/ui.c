/* A user interface that systemd starts beside the brain, by deploy/tv/omega-ui.service.
 *
 * Usage: ui TARGET [SECONDS]
 * Shows a list at once, one of its own until the brain answers, and a new one each SECONDS, 60 where
 * none are stated. The brain may come, end and come back at any time. SIGTERM and SIGINT end it.
 */
#include <omega_tv.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* A screen waits for a list no longer than a person does. */
enum { DEADLINE_MS = 500, ROOM = 10, USUAL_SECONDS = 60, WITHOUT_BRAIN_SECONDS = 1 };

/* What a box shows before it knows anything. */
static const omega_title fallback[] = {
    {.content_id = "channel-1", .title = "Channel One", .reason = "Live"},
    {.content_id = "channel-2", .title = "Channel Two", .reason = "Live"},
};

/* Shows a list, and returns the seconds until the next one. */
static time_t show(omega_client *client, time_t usual) {
  static omega_title titles[ROOM];
  static char text[32768];
  omega_list list = {
      .titles = titles, .titles_size = ROOM, .text = text, .text_size = sizeof text};
  omega_list_request request = {.limit = ROOM};
  omega_status status;
  int code = omega_client_recommend(client, DEADLINE_MS, &request, &list, &status);
  if (code) {
    fprintf(stderr, "recommend: %d: %s\n", code, status.text);
    return WITHOUT_BRAIN_SECONDS;
  }
  for (size_t i = 0; i < list.titles_count; i++) {
    printf("%s %s: %s\n", list.fallback ? "own" : "list", titles[i].title, titles[i].reason);
  }
  fflush(stdout);
  return list.fallback ? WITHOUT_BRAIN_SECONDS : usual;
}

int main(int argc, char **argv) {
  omega_client *client;
  sigset_t ending;
  long seconds = argc > 2 ? strtol(argv[2], NULL, 10) : USUAL_SECONDS;
  if (argc < 2 || argc > 3 || seconds < 1) {
    fprintf(stderr, "usage: ui TARGET [SECONDS]\n");
    return 2;
  }
  omega_options options = {.target = argv[1],
                           .fallback = fallback,
                           .fallback_count = sizeof fallback / sizeof *fallback};
  if (omega_client_open(&options, &client)) {
    fprintf(stderr, "%s is no target\n", argv[1]);
    return 1;
  }
  /* Signals wait until they are asked for: none is missed, and none breaks a call off. */
  sigemptyset(&ending);
  sigaddset(&ending, SIGTERM);
  sigaddset(&ending, SIGINT);
  sigprocmask(SIG_BLOCK, &ending, NULL);
  struct timespec pause = {0};
  do {
    pause.tv_sec = show(client, seconds);
  } while (sigtimedwait(&ending, NULL, &pause) < 0);
  omega_client_close(client);
  return 0;
}
