/* One HTTP/2 connection to a brain with at most one gRPC call under way.
 *
 * Used by one thread at a time. The answer is pulled: what has not been read stays in the socket,
 * so that a connection needs the same memory for a long answer as for a short one.
 */
#ifndef OMEGA_CONNECTION_H
#define OMEGA_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "address.h"
#include "deadline.h"
#include "omega_tv.h"

struct connection;

/* How far a call has come. */
enum progress {
  PROGRESS_MORE,  /* bytes of the answer came */
  PROGRESS_ENDED, /* the answer is complete */
  PROGRESS_LATE,  /* the deadline has passed */
  PROGRESS_LOST   /* the connection is of no more use */
};

/* Dials; NULL with errno. */
struct connection *connection_open(const struct address *address, deadline_ms end);

/* Closes it; NULL is fine. */
void connection_close(struct connection *connection);

/* Whether the other end still takes calls, as far as can be told without waiting. */
bool connection_usable(struct connection *connection);

/* Begins a call; `body` has to stay until it has ended. False when that cannot be. */
bool connection_begin(struct connection *connection, const char *path, const uint8_t *body,
                      size_t size, deadline_ms end);

/* Reads exactly `size` bytes of the answer, PROGRESS_MORE when they are there. */
enum progress connection_read(struct connection *connection, uint8_t *to, size_t size,
                              deadline_ms end);

/* Waits for the end of the answer; PROGRESS_MORE when there are bytes that nobody read. */
enum progress connection_finish(struct connection *connection, deadline_ms end);

/* Ends a call whose answer is no longer wanted. */
void connection_cancel(struct connection *connection);

/* Whether anything of an answer has come. */
bool connection_answered(const struct connection *connection);

/* Status and text of an answer that ended, in `status`. */
void connection_status(const struct connection *connection, omega_status *status);

#endif
