/* Where a brain listens, and how it is dialled. */
#ifndef OMEGA_ADDRESS_H
#define OMEGA_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <netinet/in.h>

#include "deadline.h"

struct address {
  union {
    struct sockaddr any;
    struct sockaddr_un local;
    struct sockaddr_in loopback;
  } to;
  socklen_t size;
};

/* Reads "unix:/path" or "127.0.0.1:PORT"; false when it is neither. */
bool address_parse(const char *target, struct address *address);

/* A connected socket that never blocks; -1 with errno, ETIMEDOUT at the deadline. */
int address_dial(const struct address *address, deadline_ms end);

#endif
