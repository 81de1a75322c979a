/* Takes bytes for what a brain answers, and calls each function of the library with them.
 *
 * Input: which function, its room in the caller's buffers, and how the rest is meant, then the
 * rest: a connection's bytes as they are, or one message that is put into frames first.
 * Linked with --wrap=address_dial and --wrap=poll.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "address.h"
#include "expect.h"
#include "omega_tv.h"

enum { MOST_INPUT = 16384, DIALS = 8, FRAME = 9, PREFIX = 5 };
enum { FRAME_DATA = 0, FRAME_HEADERS = 1, FRAME_SETTINGS = 4, END_HEADERS = 4, END_BOTH = 5 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
int __wrap_address_dial(const struct address *address, deadline_ms end);
int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout);
int __real_poll(struct pollfd *fds, nfds_t count, int timeout);

/* What every connection gets to read, and the brain's ends of those that were dialled. */
static uint8_t sent[4 * MOST_INPUT];
static size_t sent_size;
static int peers[DIALS], peer_count;

/* A socket in which the answer lies already. */
int __wrap_address_dial(const struct address *address, deadline_ms end) {
  int ends[2];
  (void)address, (void)end;
  if (peer_count == DIALS || socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends)) {
    errno = ECONNREFUSED;
    return -1;
  }
  expect(send(ends[1], sent, sent_size, 0) == (ssize_t)sent_size);
  peers[peer_count++] = ends[1];
  return ends[0];
}

/* When the library would wait, all was read: then the brain ends, so that no input takes time. */
int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout) {
  int ready = __real_poll(fds, count, 0);
  if (ready || !timeout) {
    return ready;
  }
  for (int i = 0; i < peer_count; i++) {
    shutdown(peers[i], SHUT_WR);
  }
  return __real_poll(fds, count, timeout);
}

static void put(const void *bytes, size_t size) {
  memcpy(sent + sent_size, bytes, size);
  sent_size += size;
}

static void put_frame(uint8_t type, uint8_t flags, uint8_t stream, const void *body, size_t size) {
  uint8_t head[FRAME] = {(uint8_t)(size >> 16), (uint8_t)(size >> 8), (uint8_t)size, type, flags, 0,
                         0, 0, stream};
  put(head, FRAME);
  if (size) {
    put(body, size);
  }
}

/* One message as a gRPC server sends it, in frames of at most `piece` bytes. */
static void put_message(const uint8_t *message, size_t size, size_t piece, uint8_t stream) {
  /* HPACK: ":status: 200" of its table; "grpc-status: 0" as a literal. */
  static const uint8_t headers[] = {0x88};
  static const uint8_t trailers[] = "\x00\x0bgrpc-status\x01" "0";
  uint8_t prefix[PREFIX] = {0, 0, (uint8_t)(size >> 16), (uint8_t)(size >> 8), (uint8_t)size};
  put_frame(FRAME_HEADERS, END_HEADERS, stream, headers, sizeof headers);
  put_frame(FRAME_DATA, 0, stream, prefix, PREFIX);
  for (size_t at = 0; at < size; at += piece) {
    put_frame(FRAME_DATA, 0, stream, message + at, size - at < piece ? size - at : piece);
  }
  put_frame(FRAME_HEADERS, END_BOTH, stream, trailers, sizeof trailers - 1);
}

static void inside(const omega_list *list, const char *text) {
  expect(text >= list->text && text + strlen(text) < list->text + list->text_count);
}

/* With buffers of exactly the size that is stated, so that a byte too many is seen. */
static void recommend(omega_client *client, size_t room) {
  omega_list list = {.titles_size = room % 16, .text_size = room * 16};
  omega_status status;
  list.titles = malloc(list.titles_size * sizeof *list.titles + 1);
  list.text = malloc(list.text_size + 1);
  expect(list.titles && list.text);
  int code = omega_client_recommend(client, 0, NULL, &list, &status);
  expect(code == status.code && is_code(code, OMEGA_ERR_RECOMMEND));
  expect(strlen(status.text) < sizeof status.text);
  if (code == OMEGA_OK) {
    expect(list.titles_count <= list.titles_size && list.text_count <= list.text_size);
    for (size_t i = 0; i < list.titles_count; i++) {
      inside(&list, list.titles[i].content_id);
      inside(&list, list.titles[i].title);
      inside(&list, list.titles[i].reason);
    }
  } else if (code == OMEGA_ERR_BUFFER_TOO_SMALL) {
    expect(list.titles_count > list.titles_size || list.text_count > list.text_size);
  }
  free(list.titles);
  free(list.text);
}

static void json(size_t room) {
  int size = (int)room * 32 + 1;
  char *out = malloc((size_t)size);
  expect(out != NULL);
  if (omega_init("/brain", NULL) == OMEGA_OK) {
    int code = omega_recommend("{\"limit\": 5}", out, size);
    expect(is_code(code, OMEGA_ERR_RECOMMEND) && strlen(out) < (size_t)size);
    expect((code == OMEGA_OK) == (out[0] == '['));
    code = omega_get_stats(out, size);
    expect(is_code(code, OMEGA_ERR_INTERNAL) && strlen(out) < (size_t)size);
    expect((code == OMEGA_OK) == (out[0] == '{'));
    expect(omega_shutdown() == OMEGA_OK);
  }
  free(out);
}

static void run(unsigned function, size_t room) {
  omega_options options = {.target = "unix:/brain"};
  omega_event event = {.content_id = "film-1", .watch_percentage = 0.5};
  omega_content content = {.content_id = "film-1", .title = "Harbour", .kind = OMEGA_KIND_MOVIE};
  omega_client *client;
  omega_stats stats;
  if (function == 6) {
    json(room);
    return;
  }
  expect(omega_client_open(&options, &client) == OMEGA_OK);
  /* Twice: the second call meets a connection that was kept, or is dialled anew. */
  for (int i = 0; i < 2; i++) {
    switch (function) {
      case 0:
        recommend(client, room);
        break;
      case 1:
        expect(is_code(omega_client_observe(client, 0, &event, NULL, NULL), OMEGA_ERR_OBSERVE));
        break;
      case 2:
        expect(is_code(omega_client_sync(client, 0, NULL, NULL), OMEGA_ERR_SYNC));
        break;
      case 3:
        expect(is_code(omega_client_stats(client, 0, &stats, NULL), OMEGA_ERR_INTERNAL));
        break;
      case 4:
        expect(is_code(omega_client_clear(client, 0, NULL, NULL, NULL), OMEGA_ERR_INTERNAL));
        break;
      default:
        expect(is_code(omega_client_upsert(client, 0, &content, 1, NULL, NULL),
                       OMEGA_ERR_INTERNAL));
    }
  }
  omega_client_close(client);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  enum { HEAD = 3 };
  if (size < HEAD || size > MOST_INPUT) {
    return 0;
  }
  size_t piece = bytes[2];
  sent_size = 0;
  peer_count = 0;
  if (piece) {
    put_frame(FRAME_SETTINGS, 0, 0, NULL, 0);
    put_message(bytes + HEAD, size - HEAD, piece * 16, 1);
    put_message(bytes + HEAD, size - HEAD, piece * 16, 3);
  } else {
    put(bytes + HEAD, size - HEAD);
  }
  run(bytes[0] % 7, bytes[1]);
  while (peer_count) {
    close(peers[--peer_count]);
  }
  return 0;
}
