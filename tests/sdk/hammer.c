/* Many threads on one handle and on the ten functions at once, until standard input ends.
 *
 * Usage: hammer STORAGE_PATH CONTENT_ID
 * Prints each function and code that came, once. Built with sanitizers by test_hammer.py.
 */
#include <omega_tv.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

enum { THREADS = 100, CODES = 11, ROOM = 3, PAUSE_US = 50000 };
enum { LIST, EVENT, JSON, INIT, FUNCTIONS };

static const char *const names[FUNCTIONS] = {"list", "event", "json", "init"};
static atomic_bool ended;
static atomic_int seen[FUNCTIONS][CODES];
static omega_client *client;
static const char *storage, *content;

static void came(int function, int code) { seen[function][-code] = 1; }

static void *run(void *argument) {
  omega_title titles[ROOM];
  char text[4096], json[2048];
  omega_list_request request = {.limit = ROOM};
  omega_event event = {.content_id = content, .watch_percentage = 0.5};
  const bool restarts = argument != NULL;
  while (!ended) {
    omega_list list = {
        .titles = titles, .titles_size = ROOM, .text = text, .text_size = sizeof text};
    came(LIST, omega_client_recommend(client, 0, &request, &list, NULL));
    came(EVENT, omega_client_observe(client, 0, &event, NULL, NULL));
    came(JSON, omega_recommend("{\"limit\": 2}", json, sizeof json));
    if (restarts) {
      omega_shutdown();
      came(INIT, omega_init(storage, NULL));
    }
    usleep(PAUSE_US);
  }
  return NULL;
}

int main(int argc, char **argv) {
  char target[256], byte;
  pthread_t threads[THREADS];
  if (argc != 3) {
    return 2;
  }
  storage = argv[1];
  content = argv[2];
  snprintf(target, sizeof target, "unix:%s/run/brain.sock", storage);
  omega_options options = {.target = target};
  if (omega_client_open(&options, &client)) {
    return 1;
  }
  for (int i = 0; i < THREADS; i++) {
    if (pthread_create(&threads[i], NULL, run, i ? NULL : &options)) {
      return 1;
    }
  }
  while (read(STDIN_FILENO, &byte, 1) > 0) {
  }
  ended = true;
  for (int i = 0; i < THREADS; i++) {
    pthread_join(threads[i], NULL);
  }
  omega_shutdown();
  omega_client_close(client);
  for (int i = 0; i < FUNCTIONS; i++) {
    for (int code = 0; code < CODES; code++) {
      if (seen[i][code]) {
        printf("%s %d\n", names[i], -code);
      }
    }
  }
  return 0;
}
