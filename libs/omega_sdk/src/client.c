#include "client.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "status.h"

enum { USUAL_CALLS = 32, MOST_CALLS = 256 };

int omega_client_open(const omega_options *options, omega_client **client) {
  struct address address;
  if (!client) {
    return OMEGA_ERR_INVALID_ARG;
  }
  *client = NULL;
  if (!options || !options->target || options->max_calls > MOST_CALLS ||
      !address_parse(options->target, &address)) {
    return OMEGA_ERR_INVALID_ARG;
  }
  omega_client *made = calloc(1, sizeof *made);
  if (!made) {
    return OMEGA_ERR_INTERNAL;
  }
  made->pool = pool_open(&address, options->max_calls ? options->max_calls : USUAL_CALLS);
  if (!made->pool) {
    free(made);
    return OMEGA_ERR_INTERNAL;
  }
  made->fallback = options->fallback;
  made->fallback_count = options->fallback ? options->fallback_count : 0;
  *client = made;
  return OMEGA_OK;
}

void omega_client_close(omega_client *client) {
  if (client) {
    pool_close(client->pool);
    free(client);
  }
}

int client_call(omega_client *client, struct call *call, uint32_t usual_ms, int own,
                omega_status *status) {
  omega_status unseen;
  if (!status) {
    status = &unseen;
  }
  if (call->timeout_ms > OMEGA_MAX_TIMEOUT_MS) {
    return client_refuse(status, "timeout_ms is above OMEGA_MAX_TIMEOUT_MS");
  }
  if (!call->timeout_ms) {
    call->timeout_ms = usual_ms;
  }
  status->code = status_code(call_run(client->pool, call, status), own);
  return status->code;
}

int client_refuse(omega_status *status, const char *text) {
  if (status) {
    status_set(status, GRPC_INVALID_ARGUMENT, text);
    status->code = OMEGA_ERR_INVALID_ARG;
  }
  return OMEGA_ERR_INVALID_ARG;
}

char *client_text(const char *text) {
  /* nanopb only reads what it sends. */
  return text && *text ? (char *)(uintptr_t)text : NULL;
}

bool client_context(const omega_context *from, omega_common_v1_ViewingContext *to) {
  to->time_of_day = (omega_common_v1_TimeOfDay)from->time_of_day;
  to->day_type = (omega_common_v1_DayType)from->day_type;
  to->audience = (omega_common_v1_Audience)from->audience;
  to->mood = (omega_common_v1_Mood)from->mood;
  to->device_kind = (omega_common_v1_DeviceKind)from->device_kind;
  return from->time_of_day || from->day_type || from->audience || from->mood ||
         from->device_kind;
}

void client_draw_id(char id[37]) {
  static const char digits[] = "0123456789abcdef";
  uint8_t bytes[16];
  size_t got = 0;
  while (got < sizeof bytes) {
    /* Up to 256 bytes are never cut short; it fails only until the system has begun. */
    ssize_t more = getrandom(bytes + got, sizeof bytes - got, 0);
    got += more > 0 ? (size_t)more : 0;
  }
  bytes[6] = (uint8_t)((bytes[6] & 0x0F) | 0x40);
  bytes[8] = (uint8_t)((bytes[8] & 0x3F) | 0x80);
  for (size_t i = 0; i < sizeof bytes; i++) {
    if (i == 4 || i == 6 || i == 8 || i == 10) {
      *id++ = '-';
    }
    *id++ = digits[bytes[i] >> 4];
    *id++ = digits[bytes[i] & 15];
  }
  *id = '\0';
}
