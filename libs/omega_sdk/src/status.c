#include "status.h"

#include <string.h>

int status_code(int grpc, int own) {
  switch (grpc) {
    case GRPC_OK:
      return OMEGA_OK;
    case GRPC_INVALID_ARGUMENT:
    case GRPC_NOT_FOUND:
    case GRPC_OUT_OF_RANGE:
      return OMEGA_ERR_INVALID_ARG;
    case GRPC_CANCELLED:
    case GRPC_DEADLINE_EXCEEDED:
    case GRPC_PERMISSION_DENIED:
    case GRPC_RESOURCE_EXHAUSTED:
    case GRPC_FAILED_PRECONDITION:
    case GRPC_ABORTED:
    case GRPC_UNAVAILABLE:
    case GRPC_UNAUTHENTICATED:
      return own;
    default:
      return OMEGA_ERR_INTERNAL;
  }
}

int status_of_http(int http) {
  switch (http) {
    case 401:
      return GRPC_UNAUTHENTICATED;
    case 403:
      return GRPC_PERMISSION_DENIED;
    case 429:
    case 502:
    case 503:
    case 504:
      return GRPC_UNAVAILABLE;
    default:
      return http == 200 ? GRPC_INTERNAL : GRPC_UNKNOWN;
  }
}

void status_set(omega_status *status, int grpc, const char *text) {
  status->grpc = grpc;
  text_copy(status->text, sizeof status->text, text ? text : "");
}

/* The most of `length` bytes that ends with a whole character of UTF-8. */
static size_t whole(const char *text, size_t length) {
  while (length && ((unsigned char)text[length] & 0xC0) == 0x80) {
    length--;
  }
  return length;
}

void text_copy(char *to, size_t size, const char *from) {
  size_t length = strlen(from);
  if (length >= size) {
    length = whole(from, size - 1);
  }
  memmove(to, from, length);
  to[length] = '\0';
}

static int nibble(uint8_t digit) {
  if (digit >= '0' && digit <= '9') {
    return digit - '0';
  }
  if (digit >= 'A' && digit <= 'F') {
    return digit - 'A' + 10;
  }
  return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

void text_decode(char *to, size_t size, const uint8_t *from, size_t length) {
  size_t used = 0;
  for (size_t i = 0; i < length; i++) {
    uint8_t byte = from[i];
    if (byte == '%' && length - i > 2 && nibble(from[i + 1]) >= 0 && nibble(from[i + 2]) >= 0) {
      byte = (uint8_t)(nibble(from[i + 1]) << 4 | nibble(from[i + 2]));
      i += 2;
    }
    if (used + 1 == size) {
      /* `byte` does not fit: what it would go on with is cut off, too. */
      if ((byte & 0xC0) == 0x80) {
        while (used && ((unsigned char)to[used - 1] & 0xC0) == 0x80) {
          used--;
        }
        used -= used ? 1 : 0;
      }
      break;
    }
    to[used++] = byte < 0x20 || byte == 0x7F ? ' ' : (char)byte;
  }
  to[used] = '\0';
}
