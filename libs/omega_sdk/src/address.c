#include "address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

static const char UNIX[] = "unix:", LOOPBACK[] = "127.0.0.1:";
/* A unix socket whose queue is full tells nobody when it has room. */
enum { FULL_QUEUE_MS = 5, HIGHEST_PORT = 65535 };

static bool parse_port(const char *digits, in_port_t *port) {
  unsigned value = 0;
  if (!*digits) {
    return false;
  }
  for (; *digits; digits++) {
    if (*digits < '0' || *digits > '9') {
      return false;
    }
    value = 10 * value + (unsigned)(*digits - '0');
    if (value > HIGHEST_PORT) {
      return false;
    }
  }
  *port = htons((uint16_t)value);
  return value > 0;
}

bool address_parse(const char *target, struct address *address) {
  memset(address, 0, sizeof *address);
  if (!strncmp(target, UNIX, sizeof UNIX - 1)) {
    const char *path = target + sizeof UNIX - 1;
    struct sockaddr_un *local = &address->to.local;
    if (*path != '/' || strlen(path) >= sizeof local->sun_path) {
      return false;
    }
    local->sun_family = AF_UNIX;
    memcpy(local->sun_path, path, strlen(path) + 1);
    address->size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path) + 1);
    return true;
  }
  if (!strncmp(target, LOOPBACK, sizeof LOOPBACK - 1)) {
    address->to.loopback.sin_family = AF_INET;
    address->to.loopback.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address->size = sizeof address->to.loopback;
    return parse_port(target + sizeof LOOPBACK - 1, &address->to.loopback.sin_port);
  }
  return false;
}

/* Waits until a connect that was begun has ended; 0 or an errno. */
static int finish(int fd, deadline_ms end) {
  struct pollfd wait = {.fd = fd, .events = POLLOUT};
  int ready, error = 0;
  socklen_t size = sizeof error;
  do {
    ready = poll(&wait, 1, deadline_left(end));
  } while (ready < 0 && errno == EINTR);
  if (ready <= 0) {
    return ready ? errno : ETIMEDOUT;
  }
  return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) ? errno : error;
}

int address_dial(const struct address *address, deadline_ms end) {
  int family = address->to.any.sa_family, error, one = 1;
  int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) {
    return -1;
  }
  if (family == AF_INET) {
    /* Small messages that are waited for: without this each would wait for an acknowledgement. */
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  }
  for (;;) {
    error = connect(fd, &address->to.any, address->size) ? errno : 0;
    if (error == EINPROGRESS || error == EINTR) {
      error = finish(fd, end);
    }
    if (error != EAGAIN) {
      break;
    }
    if (!deadline_left(end)) {
      error = ETIMEDOUT;
      break;
    }
    poll(NULL, 0, FULL_QUEUE_MS);
  }
  if (error) {
    close(fd);
    errno = error;
    return -1;
  }
  return fd;
}
