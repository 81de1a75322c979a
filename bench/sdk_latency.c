/* How long each of many calls of omega_recommend() takes, in nanoseconds, a line each; then the
 * processor time of all of them, in nanoseconds, behind "cpu".
 *
 * Usage: sdk_latency STORAGE_PATH CALLS
 */
#include <omega_tv.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static long long now(clockid_t clock) {
  struct timespec at;
  clock_gettime(clock, &at);
  return at.tv_sec * 1000000000LL + at.tv_nsec;
}

int main(int argc, char **argv) {
  static char list[65536];
  int calls = argc == 3 ? atoi(argv[2]) : 0;
  long long *took = calls > 0 ? calloc((size_t)calls, sizeof *took) : NULL;
  if (!took || omega_init(argv[1], NULL)) {
    fprintf(stderr, "%s\n", took ? omega_get_last_error() : "usage: sdk_latency PATH CALLS");
    return 1;
  }
  long long cpu = now(CLOCK_PROCESS_CPUTIME_ID);
  for (int i = 0; i < calls; i++) {
    long long begun = now(CLOCK_MONOTONIC);
    if (omega_recommend("{\"limit\": 20}", list, sizeof list)) {
      fprintf(stderr, "%s\n", omega_get_last_error());
      return 1;
    }
    took[i] = now(CLOCK_MONOTONIC) - begun;
  }
  cpu = now(CLOCK_PROCESS_CPUTIME_ID) - cpu;
  for (int i = 0; i < calls; i++) {
    printf("%lld\n", took[i]);
  }
  printf("cpu %lld\n", cpu);
  free(took);
  return omega_shutdown() ? 1 : 0;
}
