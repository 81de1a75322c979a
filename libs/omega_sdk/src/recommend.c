/* Lists: read title by title, into the caller's buffers or whatever else takes them. */
#include <pb_decode.h>
#include <string.h>

#include "client.h"
#include "status.h"

static bool on_title(pb_istream_t *stream, const pb_field_t *field, void **argument) {
  const struct list_sink *sink = *argument;
  omega_brain_v1_Recommendation read = omega_brain_v1_Recommendation_init_zero;
  (void)field;
  if (!pb_decode(stream, omega_brain_v1_Recommendation_fields, &read)) {
    return false;
  }
  omega_title title = {
      .content_id = read.content_id,
      .title = read.title,
      .reason = read.reason,
      .kind = (int)read.kind,
      .year = read.year,
      .score = read.score,
      .reason_term = (int)read.reason_term,
  };
  sink->title(sink->context, &title);
  return true;
}

int client_list(omega_client *client, uint32_t timeout_ms, const omega_list_request *request,
                const struct list_sink *sink, omega_brain_v1_GetRecommendationsResponse *head,
                omega_status *status) {
  omega_brain_v1_GetRecommendationsRequest asked =
      omega_brain_v1_GetRecommendationsRequest_init_zero;
  if (request->exclude_content_ids_count > PB_SIZE_MAX ||
      request->available_services_count > PB_SIZE_MAX) {
    return client_refuse(status, "too many ids");
  }
  asked.limit = request->limit;
  asked.offset = request->offset;
  asked.has_context = client_context(&request->context, &asked.context);
  asked.query_text = client_text(request->query_text);
  asked.profile_id = client_text(request->profile_id);
  asked.cursor = client_text(request->cursor);
  asked.exclude_content_ids = (char **)(uintptr_t)request->exclude_content_ids;
  asked.exclude_content_ids_count = (pb_size_t)request->exclude_content_ids_count;
  asked.available_services = (char **)(uintptr_t)request->available_services;
  asked.available_services_count = (pb_size_t)request->available_services_count;

  memset(head, 0, sizeof *head);
  head->recommendations.funcs.decode = on_title;
  head->recommendations.arg = (void *)(uintptr_t)sink;
  struct call call = {
      .path = BRAIN("GetRecommendations"),
      .timeout_ms = timeout_ms,
      .request_fields = omega_brain_v1_GetRecommendationsRequest_fields,
      .request = &asked,
      .answer_fields = omega_brain_v1_GetRecommendationsResponse_fields,
      .answer = head,
      .reset = sink->begin,
      .context = sink->context,
  };
  return client_call(client, &call, RECOMMEND_MS, OMEGA_ERR_RECOMMEND, status);
}

static void begin(void *context) {
  omega_list *list = context;
  list->titles_count = list->text_count = 0;
}

/* Where a string lies in the caller's buffer; counts its bytes whether they fit or not. */
static const char *placed(omega_list *list, const char *text) {
  size_t size = strlen(text ? text : "") + 1, at = list->text_count;
  list->text_count += size;
  if (list->text_count > list->text_size) {
    return NULL;
  }
  memcpy(list->text + at, text ? text : "", size);
  return list->text + at;
}

static void add(void *context, const omega_title *title) {
  omega_list *list = context;
  omega_title kept = *title;
  kept.content_id = placed(list, title->content_id);
  kept.title = placed(list, title->title);
  kept.reason = placed(list, title->reason);
  if (list->titles_count < list->titles_size) {
    list->titles[list->titles_count] = kept;
  }
  list->titles_count++;
}

static void fall_back(const omega_client *client, const omega_list_request *request,
                      omega_list *list) {
  size_t most = request->limit ? request->limit : 20;
  begin(list);
  for (size_t i = request->offset; i < client->fallback_count && list->titles_count < most; i++) {
    add(list, &client->fallback[i]);
  }
  list->fallback = true;
}

static int fits(const omega_list *list, omega_status *status) {
  if (list->titles_count <= list->titles_size && list->text_count <= list->text_size) {
    return OMEGA_OK;
  }
  status->code = OMEGA_ERR_BUFFER_TOO_SMALL;
  text_copy(status->text, sizeof status->text, "the list needs more room");
  return status->code;
}

int omega_client_recommend(omega_client *client, uint32_t timeout_ms,
                           const omega_list_request *request, omega_list *list,
                           omega_status *status) {
  static const omega_list_request usual = {0};
  omega_brain_v1_GetRecommendationsResponse head;
  omega_status unseen;
  if (!status) {
    status = &unseen;
  }
  if (!client || !list || (list->titles_size && !list->titles) ||
      (list->text_size && !list->text)) {
    return client_refuse(status, "client, list and its buffers are needed");
  }
  if (!request) {
    request = &usual;
  }
  list->recommendation_id[0] = list->next_cursor[0] = '\0';
  list->mode = 0;
  list->fallback = false;
  struct list_sink sink = {begin, add, list};
  begin(list);
  int code = client_list(client, timeout_ms, request, &sink, &head, status);
  if (code == OMEGA_OK) {
    text_copy(list->recommendation_id, sizeof list->recommendation_id, head.recommendation_id);
    text_copy(list->next_cursor, sizeof list->next_cursor, head.next_cursor);
    list->mode = (int)head.mode;
    return fits(list, status);
  }
  bool unanswered = status->grpc == GRPC_UNAVAILABLE || status->grpc == GRPC_DEADLINE_EXCEEDED;
  if (unanswered && client->fallback_count) {
    fall_back(client, request, list);
    status->code = OMEGA_OK;
    return fits(list, status);
  }
  begin(list);
  return code;
}
