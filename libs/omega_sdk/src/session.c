#include "session.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "status.h"

/* Held for a few instructions, never while a brain is waited for. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct session *current;
static bool starting;
static _Thread_local char last_error[OMEGA_TEXT_SIZE];

int session_failed(int code, const char *text) {
  text_copy(last_error, sizeof last_error, text);
  return code;
}

const char *omega_get_last_error(void) { return last_error[0] ? last_error : NULL; }

struct session *session_enter(void) {
  pthread_mutex_lock(&lock);
  struct session *session = current;
  if (session) {
    session->users++;
  }
  pthread_mutex_unlock(&lock);
  if (!session) {
    session_failed(OMEGA_ERR_NOT_INITIALIZED, "omega_init() has not been called");
  }
  return session;
}

static void free_session(struct session *session) {
  omega_client_close(session->client);
  free(session);
}

void session_leave(struct session *session) {
  if (!session) {
    return;
  }
  pthread_mutex_lock(&lock);
  session->users--;
  bool last = session->retired && !session->users;
  pthread_mutex_unlock(&lock);
  if (last) {
    free_session(session);
  }
}

void session_count(struct session *session, uint64_t us) {
  pthread_mutex_lock(&lock);
  session->lists++;
  session->list_us += us;
  pthread_mutex_unlock(&lock);
}

void session_counted(struct session *session, uint64_t *lists, uint64_t *us) {
  pthread_mutex_lock(&lock);
  *lists = session->lists;
  *us = session->list_us;
  pthread_mutex_unlock(&lock);
}

void session_clearing(struct session *session, char id[37]) {
  pthread_mutex_lock(&lock);
  if (!session->clear_id[0]) {
    client_draw_id(session->clear_id);
  }
  memcpy(id, session->clear_id, sizeof session->clear_id);
  pthread_mutex_unlock(&lock);
}

void session_cleared(struct session *session, const char *id) {
  pthread_mutex_lock(&lock);
  if (!strcmp(session->clear_id, id)) {
    session->clear_id[0] = '\0';
  }
  pthread_mutex_unlock(&lock);
}

/* Whether a stated URL is the brain's, a slash at the end apart. */
static bool same_url(const char *stated, const char *actual) {
  size_t one = strlen(stated), other = strlen(actual);
  one -= one && stated[one - 1] == '/';
  other -= other && actual[other - 1] == '/';
  return one == other && !memcmp(stated, actual, one);
}

/* Opens a handle and asks the brain who it is. */
static int connect_to(const char *path, const char *url, struct session *session) {
  char target[sizeof "unix:" + sizeof(struct sockaddr_un)];
  omega_options options = {.target = target};
  omega_status status;
  omega_stats stats;
  int length = snprintf(target, sizeof target, "unix:%s/run/brain.sock", path);
  if (length < 0 || (size_t)length >= sizeof target) {
    return session_failed(OMEGA_ERR_INVALID_ARG, "storage_path is too long for a socket");
  }
  int code = omega_client_open(&options, &session->client);
  if (code != OMEGA_OK) {
    return session_failed(code, "storage_path is not absolute, or too long for a socket");
  }
  code = omega_client_stats(session->client, RECOMMEND_MS, &stats, &status);
  if (code != OMEGA_OK) {
    return session_failed(status_code(status.grpc, OMEGA_ERR_INIT), status.text);
  }
  if (url && *url && !same_url(url, stats.constellation_url)) {
    return session_failed(OMEGA_ERR_INVALID_ARG, "the brain has another constellation_url");
  }
  return OMEGA_OK;
}

int omega_init(const char *storage_path, const char *constellation_url) {
  if (!storage_path || !*storage_path) {
    return session_failed(OMEGA_ERR_INVALID_ARG, "storage_path is needed");
  }
  struct session *session = calloc(1, sizeof *session);
  if (!session) {
    return session_failed(OMEGA_ERR_INTERNAL, "no memory");
  }
  pthread_mutex_lock(&lock);
  bool taken = current || starting;
  starting = starting || !taken;
  pthread_mutex_unlock(&lock);
  if (taken) {
    free(session);
    return session_failed(OMEGA_ERR_ALREADY_INITIALIZED, "omega_init() was called before");
  }
  int code = connect_to(storage_path, constellation_url, session);
  pthread_mutex_lock(&lock);
  starting = false;
  current = code == OMEGA_OK ? session : NULL;
  pthread_mutex_unlock(&lock);
  if (code != OMEGA_OK) {
    free_session(session);
  }
  return code;
}

int omega_shutdown(void) {
  pthread_mutex_lock(&lock);
  struct session *session = current;
  bool unused = session && !session->users;
  if (session) {
    session->retired = true;
  }
  current = NULL;
  pthread_mutex_unlock(&lock);
  if (!session) {
    return session_failed(OMEGA_ERR_NOT_INITIALIZED, "omega_init() has not been called");
  }
  if (unused) {
    free_session(session);
  }
  return OMEGA_OK;
}

int omega_is_initialized(void) {
  pthread_mutex_lock(&lock);
  int is = current != NULL;
  pthread_mutex_unlock(&lock);
  return is;
}

const char *omega_version(void) { return OMEGA_VERSION; }
