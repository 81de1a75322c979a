#include "pool.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

/* What a TV's screens need at once; more are dialled when they are needed. */
enum { KEPT = 4 };

struct pool {
  struct address address;
  uint32_t max_calls;
  pthread_mutex_t lock; /* held for a few instructions, never while waiting for a brain */
  pthread_cond_t left;
  uint32_t calls;
  unsigned kept_count;
  struct connection *kept[KEPT];
};

struct pool *pool_open(const struct address *address, uint32_t max_calls) {
  pthread_condattr_t monotonic;
  struct pool *pool = calloc(1, sizeof *pool);
  if (!pool) {
    return NULL;
  }
  pool->address = *address;
  pool->max_calls = max_calls;
  if (pthread_condattr_init(&monotonic)) {
    free(pool);
    return NULL;
  }
  pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
  int failed = pthread_cond_init(&pool->left, &monotonic);
  pthread_condattr_destroy(&monotonic);
  if (failed || pthread_mutex_init(&pool->lock, NULL)) {
    free(pool);
    return NULL;
  }
  return pool;
}

void pool_close(struct pool *pool) {
  if (!pool) {
    return;
  }
  while (pool->kept_count) {
    connection_close(pool->kept[--pool->kept_count]);
  }
  pthread_cond_destroy(&pool->left);
  pthread_mutex_destroy(&pool->lock);
  free(pool);
}

bool pool_enter(struct pool *pool, deadline_ms end) {
  struct timespec at = deadline_timespec(end);
  int failed = 0;
  pthread_mutex_lock(&pool->lock);
  while (pool->calls == pool->max_calls && !failed) {
    failed = pthread_cond_timedwait(&pool->left, &pool->lock, &at);
  }
  bool entered = pool->calls < pool->max_calls;
  pool->calls += entered ? 1 : 0;
  pthread_mutex_unlock(&pool->lock);
  return entered;
}

void pool_leave(struct pool *pool) {
  pthread_mutex_lock(&pool->lock);
  pool->calls--;
  pthread_cond_signal(&pool->left);
  pthread_mutex_unlock(&pool->lock);
}

struct connection *pool_take(struct pool *pool) {
  for (;;) {
    struct connection *connection = NULL;
    pthread_mutex_lock(&pool->lock);
    if (pool->kept_count) {
      connection = pool->kept[--pool->kept_count];
    }
    pthread_mutex_unlock(&pool->lock);
    if (!connection || connection_usable(connection)) {
      return connection;
    }
    connection_close(connection);
  }
}

struct connection *pool_dial(struct pool *pool, deadline_ms end) {
  return connection_open(&pool->address, end);
}

void pool_keep(struct pool *pool, struct connection *connection) {
  if (connection_usable(connection)) {
    pthread_mutex_lock(&pool->lock);
    if (pool->kept_count < KEPT) {
      pool->kept[pool->kept_count++] = connection;
      connection = NULL;
    }
    pthread_mutex_unlock(&pool->lock);
  }
  connection_close(connection);
}
