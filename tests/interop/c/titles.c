/* Lists and titles. */
#include <pb_decode.h>
#include <stdlib.h>

#include "messages.h"

enum { MOST_TITLES = 100, ROOM = 1 << 20 };

static void answer_list(struct call *call, omega_list *list) {
  MESSAGE(Recommendation) titles[MOST_TITLES] = {0};
  omega_common_v1_ContentKind kinds[MOST_TITLES];
  MESSAGE(ReasonTerm) terms[MOST_TITLES];
  MESSAGE(Mode) mode = (MESSAGE(Mode))list->mode;
  for (size_t i = 0; i < list->titles_count; i++) {
    omega_title *from = &list->titles[i];
    kinds[i] = (omega_common_v1_ContentKind)from->kind;
    terms[i] = (MESSAGE(ReasonTerm))from->reason_term;
    titles[i].content_id = (char *)(uintptr_t)from->content_id;
    titles[i].title = (char *)(uintptr_t)from->title;
    titles[i].reason = (char *)(uintptr_t)from->reason;
    titles[i].kind = &kinds[i];
    titles[i].year = &from->year;
    titles[i].score = &from->score;
    titles[i].reason_term = &terms[i];
  }
  MESSAGE(GetRecommendationsResponse) said = {
      .recommendation_id = list->recommendation_id,
      .recommendations_count = (pb_size_t)list->titles_count,
      .recommendations = titles,
      .mode = &mode,
      .next_cursor = list->next_cursor,
  };
  answer(call, FIELDS(GetRecommendationsResponse), &said);
}

void recommend(struct call *call) {
  MESSAGE(GetRecommendationsRequest) asked = {0}, rest;
  if (taken(call, FIELDS(GetRecommendationsRequest), &asked)) {
    omega_list_request request = {
        .limit = VALUE(asked.limit),
        .offset = VALUE(asked.offset),
        .context = context_of(asked.context),
        .query_text = asked.query_text,
        .profile_id = asked.profile_id,
        .cursor = asked.cursor,
        .exclude_content_ids = (const char *const *)asked.exclude_content_ids,
        .exclude_content_ids_count = asked.exclude_content_ids_count,
        .available_services = (const char *const *)asked.available_services,
        .available_services_count = asked.available_services_count,
    };
    rest = asked;
    rest.limit = rest.offset = NULL;
    rest.context = NULL;
    rest.query_text = rest.profile_id = rest.cursor = NULL;
    rest.exclude_content_ids_count = rest.available_services_count = 0;
    if (nothing_left(call, FIELDS(GetRecommendationsRequest), &rest)) {
      static omega_title titles[MOST_TITLES];
      static char text[ROOM];
      omega_list list = {
          .titles = titles, .titles_size = MOST_TITLES, .text = text, .text_size = sizeof text};
      omega_client_recommend(call->client, call->timeout_ms, &request, &list, &call->status);
      answer_list(call, &list);
    }
  }
  pb_release(FIELDS(GetRecommendationsRequest), &asked);
}

static omega_provider *providers(const omega_common_v1_Content *from) {
  omega_provider *to = calloc(from->providers_count + 1u, sizeof *to);
  for (pb_size_t i = 0; to && i < from->providers_count; i++) {
    const omega_common_v1_Provider *provider = &from->providers[i];
    to[i].provider_id = provider->provider_id;
    to[i].name = provider->name;
    to[i].availability = (int)VALUE(provider->availability);
  }
  return to;
}

void upsert(struct call *call) {
  MESSAGE(UpsertContentsRequest) asked = {0};
  if (taken(call, FIELDS(UpsertContentsRequest), &asked)) {
    omega_content *contents = calloc(asked.contents_count + 1u, sizeof *contents);
    for (pb_size_t i = 0; contents && i < asked.contents_count; i++) {
      const omega_common_v1_Content *from = &asked.contents[i];
      contents[i] = (omega_content){
          .content_id = from->content_id,
          .title = from->title,
          .kind = (int)VALUE(from->kind),
          .genres = (const char *const *)from->genres,
          .genres_count = from->genres_count,
          .year = VALUE(from->year),
          .country = from->country,
          .description = from->description,
          .providers = providers(from),
          .providers_count = from->providers_count,
          .is_rated = from->minimum_age != NULL,
          .minimum_age = VALUE(from->minimum_age),
      };
    }
    omega_upserted became;
    omega_client_upsert(call->client, call->timeout_ms, contents, asked.contents_count, &became,
                        &call->status);
    MESSAGE(UpsertContentsResponse) said = {
        .added = &became.added, .updated = &became.updated, .unchanged = &became.unchanged};
    answer(call, FIELDS(UpsertContentsResponse), &said);
    for (pb_size_t i = 0; contents && i < asked.contents_count; i++) {
      free((void *)(uintptr_t)contents[i].providers);
    }
    free(contents);
  }
  pb_release(FIELDS(UpsertContentsRequest), &asked);
}
