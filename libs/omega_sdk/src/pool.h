/* The connections of a handle: one for each call under way, a few kept in between. */
#ifndef OMEGA_POOL_H
#define OMEGA_POOL_H

#include <stdbool.h>
#include <stdint.h>

#include "connection.h"

struct pool;

/* NULL when there is no memory. */
struct pool *pool_open(const struct address *address, uint32_t max_calls);

/* Closes everything; no call may be under way. NULL is fine. */
void pool_close(struct pool *pool);

/* Waits for a place among the calls; false at the deadline. */
bool pool_enter(struct pool *pool, deadline_ms end);

/* Gives the place back. */
void pool_leave(struct pool *pool);

/* A connection that was kept and still works; NULL = there is none, dial one. */
struct connection *pool_take(struct pool *pool);

/* Dials; NULL with errno. */
struct connection *pool_dial(struct pool *pool, deadline_ms end);

/* Keeps a connection, or closes it when enough are kept or it is of no more use. */
void pool_keep(struct pool *pool, struct connection *connection);

#endif
