/* The one brain that the ten functions of omega_tv.h act on. */
#ifndef OMEGA_SESSION_H
#define OMEGA_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "omega_tv.h"

struct session {
  omega_client *client;
  unsigned users;    /* calls under way */
  bool retired;      /* omega_shutdown() was called: the last user frees it */
  uint64_t lists;    /* answered calls of omega_recommend() */
  uint64_t list_us;  /* microseconds that they took */
  char clear_id[37]; /* the erasure that has not been answered yet; empty = none */
};

/* The session, kept from being freed until session_leave(); NULL before omega_init(). */
struct session *session_enter(void);

/* Gives it back. NULL is fine. */
void session_leave(struct session *session);

/* Counts an answered list. */
void session_count(struct session *session, uint64_t us);

/* What was counted. */
void session_counted(struct session *session, uint64_t *lists, uint64_t *us);

/* The id under which an erasure is asked for, until session_cleared() says it was answered. */
void session_clearing(struct session *session, char id[37]);
void session_cleared(struct session *session, const char *id);

/* Keeps a text for omega_get_last_error() of this thread, and returns `code`. */
int session_failed(int code, const char *text);

#endif
