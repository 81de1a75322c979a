/* The ten functions, one after the other.
 *
 * Usage: simple STORAGE_PATH [CONTENT_ID]
 * The brain listens at STORAGE_PATH/run/brain.sock; CONTENT_ID is a title that was watched.
 */
#include <omega_tv.h>
#include <stdio.h>
#include <stdlib.h>

static int failed(const char *function, int code) {
  const char *why = omega_get_last_error();
  fprintf(stderr, "%s: %d: %s\n", function, code, why ? why : "");
  return code;
}

/* Asks for a list with as large a buffer as it takes. */
static int show_list(const char *context) {
  int size = 8192;
  char *list = malloc((size_t)size);
  int code = list ? omega_recommend(context, list, size) : OMEGA_ERR_INTERNAL;
  if (code == OMEGA_ERR_BUFFER_TOO_SMALL) {
    size = atoi(omega_get_last_error());
    free(list);
    list = malloc((size_t)size);
    code = list ? omega_recommend(context, list, size) : OMEGA_ERR_INTERNAL;
  }
  if (code == OMEGA_OK) {
    printf("list %s\n", list);
  }
  free(list);
  return code;
}

int main(int argc, char **argv) {
  char event[512], stats[512];
  int code;
  if (argc < 2) {
    fprintf(stderr, "usage: simple STORAGE_PATH [CONTENT_ID]\n");
    return 2;
  }
  printf("omega %s\n", omega_version());
  if ((code = omega_init(argv[1], NULL))) {
    failed("omega_init", code);
    return 1;
  }
  printf("initialized %d\n", omega_is_initialized());
  if ((code = show_list("{\"time\": \"evening\", \"device\": \"tv\", \"limit\": 5}"))) {
    failed("omega_recommend", code);
  }
  if (argc > 2) {
    snprintf(event, sizeof event, "{\"content_id\": \"%s\", \"watch_percentage\": 0.95}", argv[2]);
    if ((code = omega_observe(event))) {
      failed("omega_observe", code);
    } else {
      printf("observed %s\n", argv[2]);
    }
  }
  if ((code = omega_sync())) {
    failed("omega_sync", code); /* the brain works on without the fleet */
  }
  if ((code = omega_get_stats(stats, sizeof stats))) {
    failed("omega_get_stats", code);
  } else {
    printf("stats %s\n", stats);
  }
  /* omega_clear_data() belongs behind a menu that asks twice. */
  return omega_shutdown() ? 1 : 0;
}
