/* Runs a fuzzer's function over files, with any compiler.
 *
 * Usage: replay_NAME FILE...
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int main(int argc, char **argv) {
  enum { MOST = 1 << 20 };
  uint8_t *bytes = malloc(MOST);
  if (!bytes || argc < 2) {
    return 2;
  }
  for (int i = 1; i < argc; i++) {
    FILE *file = fopen(argv[i], "rb");
    if (!file) {
      perror(argv[i]);
      return 2;
    }
    size_t size = fread(bytes, 1, MOST, file);
    fclose(file);
    /* So that a report tells which one it was. */
    fprintf(stderr, "%s\n", argv[i]);
    LLVMFuzzerTestOneInput(bytes, size);
  }
  free(bytes);
  return 0;
}
