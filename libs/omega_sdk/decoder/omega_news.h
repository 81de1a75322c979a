/* Reader of omega.sync.v1.PackedNews (docs/codec.md): C99, freestanding, no allocation, no libm.
 *
 * Everything is checked against bounds, whatever the input. Vectors are the same to the bit as those
 * of the Python reader where double is IEEE 754 binary64 without excess precision (no -ffast-math).
 */
#ifndef OMEGA_NEWS_H
#define OMEGA_NEWS_H

#include <stddef.h>
#include <stdint.h>

enum {
    OMEGA_DIMENSION = 384,
    OMEGA_STEPS = 80,
    OMEGA_SPAN = 31,
    OMEGA_LEVELS = 2 * OMEGA_SPAN + 1,
    OMEGA_GAINS = 16,
    OMEGA_KINDS = 3,
    OMEGA_CLASSES = 33,
    OMEGA_NUMBERS = 10,
    OMEGA_OPERATIONS = 3,
    OMEGA_MAX_ANCHORS = 4096,
    OMEGA_MAX_PATTERNS = 4096,
    OMEGA_MAX_TITLES = 1024,
    OMEGA_MAX_TRENDS = 32
};

typedef enum {
    OMEGA_OK = 0,
    OMEGA_REFUSED = 1, /* not as docs/codec.md states, damaged, or from another base or codebook */
    OMEGA_NO_ROOM = 2  /* the caller's arrays are too short */
} omega_result;

/* A codebook; `body` stays the caller's and must outlive it. */
typedef struct {
    const uint8_t *body;
    uint32_t id;
    uint32_t size; /* K, 1 to 384 */
    uint32_t anchors, width; /* A, a power of two, and W, 1 to K */
    const uint8_t *mean, *scales, *starts, *spreads, *anchor, *gains, *basis, *steps;
    /* cumulative frequencies */
    uint16_t gain_tables[OMEGA_KINDS][OMEGA_GAINS + 1];
    uint16_t level_tables[OMEGA_STEPS][OMEGA_LEVELS + 1];
    uint16_t number_tables[OMEGA_NUMBERS][OMEGA_CLASSES + 1];
    uint16_t operation_table[OMEGA_OPERATIONS + 1];
} omega_codebook;

typedef struct {
    uint32_t id;
    uint8_t rate;   /* success rate x 128 */
    uint8_t floor;  /* binary logarithm of the number of devices */
    uint8_t weight; /* class, docs/codec.md */
    int32_t coefficients[OMEGA_DIMENSION]; /* in steps; the first K count */
} omega_pattern;

/* Patterns by ascending ids, in an array of the caller's. */
typedef struct {
    uint64_t version;
    uint32_t codebook_id;
    uint32_t step;
    uint32_t count;
    uint32_t capacity;
    omega_pattern *patterns;
} omega_state;

typedef struct {
    uint32_t ordinal;
    uint8_t score; /* in 64ths, 1 to 64 */
    uint8_t regional;
} omega_trend;

typedef struct {
    uint32_t ordinal;
    float vector[OMEGA_DIMENSION];
} omega_title;

/* Trends and titles, by ascending ordinals. */
typedef struct {
    uint64_t catalogue_version; /* 0 = there are neither */
    uint64_t trends_at;         /* seconds since 2000-01-01T00:00:00Z */
    uint32_t trend_count;
    uint32_t title_count;
    uint32_t title_capacity;
    omega_title *titles; /* of the caller */
    omega_trend trends[OMEGA_MAX_TRENDS];
} omega_news;

/* Takes up a codebook after checking all of it. */
omega_result omega_codebook_open(omega_codebook *book, const uint8_t *body, size_t size);

/* Reads news. `base` is what is held, or NULL; it stays as it is and shares no memory with `state`.
 * `state` and `news` are of use only after OMEGA_OK. */
omega_result omega_news_read(const omega_codebook *book, const uint8_t *data, size_t size,
                             const omega_state *base, omega_state *state, omega_news *news);

/* The unit vector of a pattern of a state that omega_news_read gave. */
void omega_pattern_vector(const omega_codebook *book, const omega_state *state, uint32_t index,
                          float vector[OMEGA_DIMENSION]);

#endif
