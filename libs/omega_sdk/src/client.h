/* A handle, and what its calls share. */
#ifndef OMEGA_CLIENT_H
#define OMEGA_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#include "call.h"
#include "omega/brain/v1/brain_service.pb.h"
#include "omega_tv.h"

#define BRAIN(method) "/omega.brain.v1.BrainService/" method

/* Deadlines where the caller states none, in milliseconds. */
enum {
  RECOMMEND_MS = 2000,
  STORE_MS = 10000,
  UPSERT_MS = 60000,
  SYNC_MS = 180000,
  CLEAR_MS = 120000
};

struct omega_client {
  struct pool *pool;
  const omega_title *fallback;
  size_t fallback_count;
};

/* Runs a call and returns the library's code; `call->timeout_ms` may be 0. `own` is the code of the
 * function. `status` may be NULL. */
int client_call(omega_client *client, struct call *call, uint32_t usual_ms, int own,
                omega_status *status);

/* Refuses an argument. */
int client_refuse(omega_status *status, const char *text);

/* The pointer that nanopb takes for a string of the caller's; NULL for none and empty. */
char *client_text(const char *text);

/* Circumstances in nanopb's form; returns whether any is stated. */
bool client_context(const omega_context *from, omega_common_v1_ViewingContext *to);

/* Draws a UUID of version 4. */
void client_draw_id(char id[37]);

/* What takes in a list, title by title; the strings hold until `title` returns. */
struct list_sink {
  void (*begin)(void *context); /* forgets what came: the list is read from its beginning */
  void (*title)(void *context, const omega_title *title);
  void *context;
};

/* Asks for a list. `head` gets all of an answer but the titles. Returns the library's code. */
int client_list(omega_client *client, uint32_t timeout_ms, const omega_list_request *request,
                const struct list_sink *sink, omega_brain_v1_GetRecommendationsResponse *head,
                omega_status *status);

#endif
