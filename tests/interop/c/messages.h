/* What each call of the library is made of: a request that is read, and an answer that is written. */
#ifndef MESSAGES_H
#define MESSAGES_H

#include <pb.h>
#include <stdbool.h>

#include "calls.h"
#include "omega/brain/v1/brain_service.pb.h"

/* In these messages every field is a pointer, NULL where it is absent. */
#define VALUE(field) ((field) ? *(field) : 0)
#define MESSAGE(name) omega_brain_v1_##name
#define FIELDS(name) omega_brain_v1_##name##_fields

/* Reads the request: what comes out when it is written again must be the same bytes, or C has no
 * way to say it, such as a NUL in a string. */
bool taken(struct call *call, const pb_msgdesc_t *fields, void *message);

/* Whether nothing is left of a message of which all is struck out that the library's API takes. */
bool nothing_left(struct call *call, const pb_msgdesc_t *fields, const void *rest);

/* Writes the answer, where the call ended well. */
void answer(struct call *call, const pb_msgdesc_t *fields, const void *message);

/* Circumstances in the library's form. */
omega_context context_of(const omega_common_v1_ViewingContext *from);

/* The calls that have more to them than a few lines. */
void recommend(struct call *call);
void observe(struct call *call);
void upsert(struct call *call);

#endif
