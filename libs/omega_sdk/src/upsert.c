/* Titles of the firmware. */
#include <pb_encode.h>

#include "client.h"

struct contents {
  const omega_content *first;
  size_t count;
};

static bool write_providers(pb_ostream_t *stream, const pb_field_t *field, void *const *argument) {
  const omega_content *content = *argument;
  for (size_t i = 0; i < content->providers_count; i++) {
    const omega_provider *from = &content->providers[i];
    omega_common_v1_Provider provider = {
        .provider_id = client_text(from->provider_id),
        .name = client_text(from->name),
        .availability = (omega_common_v1_Availability)from->availability,
    };
    if (!pb_encode_tag_for_field(stream, field) ||
        !pb_encode_submessage(stream, omega_common_v1_Provider_fields, &provider)) {
      return false;
    }
  }
  return true;
}

static bool write_contents(pb_ostream_t *stream, const pb_field_t *field, void *const *argument) {
  const struct contents *contents = *argument;
  for (size_t i = 0; i < contents->count; i++) {
    const omega_content *from = &contents->first[i];
    omega_common_v1_Content content = omega_common_v1_Content_init_zero;
    if (from->genres_count > PB_SIZE_MAX) {
      return false;
    }
    content.content_id = client_text(from->content_id);
    content.title = client_text(from->title);
    content.kind = (omega_common_v1_ContentKind)from->kind;
    content.genres = (char **)(uintptr_t)from->genres;
    content.genres_count = (pb_size_t)from->genres_count;
    content.year = from->year;
    content.country = client_text(from->country);
    content.description = client_text(from->description);
    content.providers.funcs.encode = write_providers;
    content.providers.arg = (void *)(uintptr_t)from;
    content.has_minimum_age = from->is_rated;
    content.minimum_age = from->minimum_age;
    if (!pb_encode_tag_for_field(stream, field) ||
        !pb_encode_submessage(stream, omega_common_v1_Content_fields, &content)) {
      return false;
    }
  }
  return true;
}

int omega_client_upsert(omega_client *client, uint32_t timeout_ms, const omega_content *contents,
                        size_t contents_count, omega_upserted *upserted, omega_status *status) {
  struct contents all = {contents, contents_count};
  omega_brain_v1_UpsertContentsRequest told = omega_brain_v1_UpsertContentsRequest_init_zero;
  omega_brain_v1_UpsertContentsResponse answer = omega_brain_v1_UpsertContentsResponse_init_zero;
  if (!client || !contents) {
    return client_refuse(status, "client and contents are needed");
  }
  told.contents.funcs.encode = write_contents;
  told.contents.arg = &all;
  struct call call = {
      .path = BRAIN("UpsertContents"),
      .timeout_ms = timeout_ms,
      .request_fields = omega_brain_v1_UpsertContentsRequest_fields,
      .request = &told,
      .answer_fields = omega_brain_v1_UpsertContentsResponse_fields,
      .answer = &answer,
  };
  int code = client_call(client, &call, UPSERT_MS, OMEGA_ERR_INTERNAL, status);
  if (code == OMEGA_OK && upserted) {
    upserted->added = answer.added;
    upserted->updated = answer.updated;
    upserted->unchanged = answer.unchanged;
  }
  return code;
}
