/* Runs a program, and writes down how much memory it had at most, in kB (ru_maxrss).
 *
 * Usage: peak FILE PROGRAM [ARGUMENT...]
 * Small itself: the figure of a child never falls below what its parent had when it forked.
 */
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv) {
  struct rusage used;
  int status;
  if (argc < 3) {
    return 2;
  }
  pid_t child = fork();
  if (!child) {
    execvp(argv[2], argv + 2);
    perror(argv[2]);
    _exit(127);
  }
  if (child < 0 || wait4(child, &status, 0, &used) != child) {
    perror("peak");
    return 2;
  }
  FILE *file = fopen(argv[1], "w");
  if (!file || fprintf(file, "%ld\n", used.ru_maxrss) < 0 || fclose(file)) {
    perror(argv[1]);
    return 2;
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
