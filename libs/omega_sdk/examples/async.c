/* Viewings from a thread that must not wait: a queue, and a thread of the firmware's own that
 * empties it. What the brain did not take stays in the queue and is told again.
 *
 * Usage: async TARGET CONTENT_ID...
 * TARGET is "unix:/path" or "127.0.0.1:PORT"; each CONTENT_ID is a title that was watched.
 */
#include <omega_tv.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { ROOM = 64, RETRY_MS = 200, TRIES = 300 };

struct viewing {
  char event_id[OMEGA_ID_SIZE];
  char content_id[129];
};

struct queue {
  omega_client *client;
  pthread_mutex_t lock;
  pthread_cond_t changed;
  struct viewing viewings[ROOM];
  unsigned first, count;
  bool ending;
};

/* Called by the thread of the user interface: never waits for the brain. */
static bool tell(struct queue *queue, const char *content_id) {
  static unsigned number;
  bool told = false;
  pthread_mutex_lock(&queue->lock);
  if (queue->count < ROOM) {
    struct viewing *viewing = &queue->viewings[(queue->first + queue->count) % ROOM];
    /* An id of one's own makes it harmless to tell a viewing twice. */
    snprintf(viewing->event_id, sizeof viewing->event_id, "async-%lld-%u", (long long)time(NULL),
             number++);
    snprintf(viewing->content_id, sizeof viewing->content_id, "%s", content_id);
    queue->count++;
    told = true;
    pthread_cond_signal(&queue->changed);
  }
  pthread_mutex_unlock(&queue->lock);
  return told;
}

static int observe(omega_client *client, const struct viewing *viewing) {
  omega_event event = {.event_id = viewing->event_id,
                       .content_id = viewing->content_id,
                       .watch_percentage = 0.95};
  omega_status status;
  int code = omega_client_observe(client, 0, &event, NULL, &status);
  printf("%s: %d %s\n", viewing->content_id, code, status.text);
  return code;
}

static void *run(void *argument) {
  struct queue *queue = argument;
  const struct timespec pause = {.tv_nsec = RETRY_MS * 1000000L};
  int tries = 0;
  pthread_mutex_lock(&queue->lock);
  while (queue->count || !queue->ending) {
    if (!queue->count) {
      pthread_cond_wait(&queue->changed, &queue->lock);
      continue;
    }
    struct viewing viewing = queue->viewings[queue->first];
    pthread_mutex_unlock(&queue->lock);
    bool later = observe(queue->client, &viewing) == OMEGA_ERR_OBSERVE && ++tries < TRIES;
    if (later) {
      nanosleep(&pause, NULL);
    }
    pthread_mutex_lock(&queue->lock);
    if (!later) {
      queue->first = (queue->first + 1) % ROOM;
      queue->count--;
      tries = 0;
    }
  }
  pthread_mutex_unlock(&queue->lock);
  return NULL;
}

int main(int argc, char **argv) {
  static struct queue queue = {.lock = PTHREAD_MUTEX_INITIALIZER,
                               .changed = PTHREAD_COND_INITIALIZER};
  pthread_t thread;
  if (argc < 2) {
    fprintf(stderr, "usage: async TARGET CONTENT_ID...\n");
    return 2;
  }
  omega_options options = {.target = argv[1]};
  if (omega_client_open(&options, &queue.client) ||
      pthread_create(&thread, NULL, run, &queue)) {
    fprintf(stderr, "cannot begin\n");
    return 1;
  }
  for (int i = 2; i < argc; i++) {
    if (!tell(&queue, argv[i])) {
      fprintf(stderr, "%s: the queue is full\n", argv[i]);
    }
  }
  pthread_mutex_lock(&queue.lock);
  queue.ending = true;
  pthread_cond_signal(&queue.changed);
  pthread_mutex_unlock(&queue.lock);
  pthread_join(thread, NULL);
  omega_client_close(queue.client);
  return 0;
}
