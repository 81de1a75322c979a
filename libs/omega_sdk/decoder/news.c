/* Messages, and the steps between states that they hold. */
#include "internal.h"

enum { GAP, RATE, FLOOR, WEIGHT, RATE_CHANGE, FLOOR_CHANGE, WEIGHT_CHANGE, TREND_GAP = 8, TITLE_GAP };
enum { CHANGED, REPLACED, REMOVED };
enum { MOST_RATE = 128, MOST_FLOOR = 31, MOST_WEIGHT = 137 };
enum { MAX_PAYLOAD = 65536, SECONDS = 36, SCORE = 6, FIELDS = 11, HEAD_BYTES = 44 };
static const uint64_t MAX_VERSION = UINT64_MAX / 2;

typedef struct {
    uint64_t values[FIELDS + 1]; /* by field number; of payload its length */
    const uint8_t *payload;
} message;

enum {
    CODEBOOK_ID = 1,
    BASE_VERSION,
    VERSION,
    PATTERNS,
    STEP,
    CONTENTS,
    CONTENT_STEP,
    TRENDS,
    CATALOGUE_VERSION,
    PAYLOAD,
    CRC32
};

/* A varint in its shortest form; 0 when there is none. */
static size_t take_varint(const uint8_t *data, size_t size, uint64_t *value) {
    *value = 0;
    for (size_t i = 0; i < size && i < 10; i++) {
        if (i == 9 && data[i] > 1) return 0;
        *value |= (uint64_t)(data[i] & 127) << 7 * i;
        if (data[i] < 128) return data[i] == 0 && i > 0 ? 0 : i + 1;
    }
    return 0;
}

/* Fields in order, each once at most, none of its default, nothing else. */
static int parse(const uint8_t *data, size_t size, message *found) {
    size_t at = 0;
    int last = 0;
    *found = (message){{0}, 0};
    while (at < size) {
        int field = data[at] >> 3, wire = data[at] & 7;
        int wanted = field == CODEBOOK_ID || field == CRC32 ? 5 : field == PAYLOAD ? 2 : 0;
        uint64_t *value = &found->values[field <= FIELDS ? field : 0];
        if (field <= last || field > FIELDS || wire != wanted) return 0;
        last = field;
        at++;
        if (wire == 5) {
            if (size - at < 4) return 0;
            *value = omega_le32(data + at);
            at += 4;
        } else {
            size_t length = take_varint(data + at, size - at, value);
            if (!length) return 0;
            at += length;
        }
        if (*value == 0) return 0;
        if (field == PAYLOAD) {
            if (*value > size - at) return 0;
            found->payload = data + at;
            at += (size_t)*value;
        }
    }
    return 1;
}

static int bounded(const message *m, const omega_codebook *book) {
    const uint64_t *v = m->values;
    int named = v[TRENDS] || v[CONTENTS];
    return v[CODEBOOK_ID] == book->id && v[VERSION] >= 1 && v[VERSION] <= MAX_VERSION &&
           v[BASE_VERSION] < v[VERSION] && v[PATTERNS] <= OMEGA_MAX_PATTERNS &&
           v[STEP] < OMEGA_STEPS && v[CONTENTS] <= OMEGA_MAX_TITLES &&
           v[CONTENT_STEP] < OMEGA_STEPS && (v[CONTENTS] || !v[CONTENT_STEP]) &&
           v[TRENDS] <= OMEGA_MAX_TRENDS && v[CATALOGUE_VERSION] <= MAX_VERSION &&
           named == (v[CATALOGUE_VERSION] > 0) && v[PAYLOAD] <= MAX_PAYLOAD;
}

static uint32_t checksum(const message *m, const omega_codebook *book, const omega_state *state) {
    static const int widths[10] = {0, 4, 8, 8, 4, 4, 4, 4, 4, 8};
    uint8_t bytes[HEAD_BYTES + 4];
    int at = 0;
    for (int field = CODEBOOK_ID; field <= CATALOGUE_VERSION; at += widths[field++])
        omega_put_le(bytes + at, m->values[field], widths[field]);
    uint32_t crc = omega_crc32(0, bytes, (size_t)at);
    crc = omega_crc32(crc, m->payload, (size_t)m->values[PAYLOAD]);
    for (uint32_t i = 0; i < state->count; i++) {
        const omega_pattern *p = &state->patterns[i];
        omega_put_le(bytes, p->id, 4);
        bytes[4] = p->rate, bytes[5] = p->floor, bytes[6] = p->weight;
        crc = omega_crc32(crc, bytes, 7);
        for (uint32_t k = 0; k < book->size; k++) {
            omega_put_le(bytes, (uint32_t)p->coefficients[k], 4);
            crc = omega_crc32(crc, bytes, 4);
        }
    }
    return crc;
}

static int take_figure(omega_stream *s, const uint16_t *table, int near, int least, int most,
                       uint8_t *into) {
    int64_t value = near + omega_signed(s, table);
    if (s->failed || value < least || value > most) return 0;
    *into = (uint8_t)value;
    return 1;
}

static int take_figures(omega_stream *s, const omega_codebook *book, int changed,
                        const omega_pattern *near, omega_pattern *into) {
    int first = changed ? RATE_CHANGE : RATE;
    return take_figure(s, book->number_tables[first], near->rate, 0, MOST_RATE, &into->rate) &&
           take_figure(s, book->number_tables[first + 1], near->floor, 1, MOST_FLOOR, &into->floor) &&
           take_figure(s, book->number_tables[first + 2], near->weight, 0, MOST_WEIGHT, &into->weight);
}

static int take_vector(omega_stream *s, const omega_codebook *book, uint32_t step,
                       const omega_pattern *old, omega_pattern *into) {
    int64_t levels[OMEGA_DIMENSION], wide = omega_step(book, step);
    int64_t most = ((int64_t)1 << 22) / wide;
    int bits = 0;
    while (book->anchors >> bits > 1) bits++;
    uint32_t anchor = old ? 0 : (uint32_t)omega_bits(s, bits);
    omega_levels(s, book, old ? OMEGA_UPDATE : OMEGA_PATTERN, step, levels);
    if (s->failed) return 0;
    for (uint32_t k = 0; k < OMEGA_DIMENSION; k++) {
        int64_t level = k < book->size ? levels[k] : 0;
        if (k < book->size)
            level += old ? old->coefficients[k] : omega_anchor(book, anchor, k, wide);
        if (level > most || level < -most) return 0;
        into->coefficients[k] = (int32_t)level;
        levels[k] = level * wide;
    }
    return omega_unit(book, levels, 0);
}

static omega_result append(omega_state *state, const omega_pattern *pattern) {
    if (state->count >= state->capacity) return OMEGA_NO_ROOM;
    state->patterns[state->count++] = *pattern;
    return OMEGA_OK;
}

static omega_result take_patterns(omega_stream *s, const omega_codebook *book, uint64_t count,
                                  const omega_state *base, omega_state *state) {
    uint32_t held = base ? base->count : 0, at = 0;
    int64_t before = -1;
    omega_pattern last = {0, 64, 2, 80, {0}}, pattern;
    omega_result result = OMEGA_OK;
    while (count--) {
        uint64_t id = (uint64_t)(before + 1) + omega_number(s, book->number_tables[GAP]);
        if (s->failed || id < 1 || id > UINT32_MAX) return OMEGA_REFUSED;
        before = (int64_t)id;
        for (; at < held && base->patterns[at].id < id; at++)
            if ((result = append(state, &base->patterns[at]))) return result;
        const omega_pattern *old = at < held && base->patterns[at].id == id ? &base->patterns[at++] : 0;
        int operation = old ? omega_symbol(s, book->operation_table, OMEGA_OPERATIONS) : REPLACED;
        if (operation == REMOVED) continue;
        if (operation == REPLACED) {
            if (!take_figures(s, book, 0, &last, &pattern)) return OMEGA_REFUSED;
            last = pattern;
            old = 0;
        } else if (!take_figures(s, book, 1, old, &pattern)) {
            return OMEGA_REFUSED;
        }
        pattern.id = (uint32_t)id;
        if (!take_vector(s, book, state->step, old, &pattern)) return OMEGA_REFUSED;
        if ((result = append(state, &pattern))) return result;
    }
    for (; at < held; at++)
        if ((result = append(state, &base->patterns[at]))) return result;
    return state->count > OMEGA_MAX_PATTERNS ? OMEGA_REFUSED : OMEGA_OK;
}

static int take_ordinal(omega_stream *s, const uint16_t *table, int64_t *before) {
    uint64_t ordinal = (uint64_t)(*before + 1) + omega_number(s, table);
    if (s->failed || ordinal > UINT32_MAX) return 0;
    *before = (int64_t)ordinal;
    return 1;
}

static omega_result take_trends(omega_stream *s, const omega_codebook *book, uint64_t count,
                                omega_news *news) {
    int64_t before = -1;
    news->trends_at = count ? omega_bits(s, SECONDS) : 0;
    for (; count--; news->trend_count++) {
        omega_trend *trend = &news->trends[news->trend_count];
        if (!take_ordinal(s, book->number_tables[TREND_GAP], &before)) return OMEGA_REFUSED;
        trend->ordinal = (uint32_t)before;
        trend->score = (uint8_t)(omega_bits(s, SCORE) + 1);
        trend->regional = (uint8_t)omega_bits(s, 1);
    }
    return s->failed ? OMEGA_REFUSED : OMEGA_OK;
}

static omega_result take_titles(omega_stream *s, const omega_codebook *book, uint64_t count,
                                uint32_t step, omega_news *news) {
    int64_t before = -1, levels[OMEGA_DIMENSION];
    if (count > news->title_capacity) return OMEGA_NO_ROOM;
    for (; count--; news->title_count++) {
        omega_title *title = &news->titles[news->title_count];
        if (!take_ordinal(s, book->number_tables[TITLE_GAP], &before)) return OMEGA_REFUSED;
        title->ordinal = (uint32_t)before;
        omega_levels(s, book, OMEGA_TITLE, step, levels);
        if (s->failed) return OMEGA_REFUSED;
        for (uint32_t k = 0; k < book->size; k++)
            levels[k] = levels[k] * omega_step(book, step) +
                        (int64_t)(int16_t)omega_le16(book->starts + 2 * k) * 256;
        if (!omega_unit(book, levels, title->vector)) return OMEGA_REFUSED;
    }
    return OMEGA_OK;
}

omega_result omega_news_read(const omega_codebook *book, const uint8_t *data, size_t size,
                             const omega_state *base, omega_state *state, omega_news *news) {
    message m;
    omega_stream s;
    omega_result result;
    if (!parse(data, size, &m) || !bounded(&m, book)) return OMEGA_REFUSED;
    if (!m.values[BASE_VERSION]) base = 0;
    else if (!base || base->version != m.values[BASE_VERSION] || base->codebook_id != book->id ||
             base->step != m.values[STEP])
        return OMEGA_REFUSED;
    state->version = m.values[VERSION];
    state->codebook_id = book->id;
    state->step = (uint32_t)m.values[STEP];
    state->count = 0;
    news->catalogue_version = m.values[CATALOGUE_VERSION];
    news->trends_at = 0;
    news->trend_count = news->title_count = 0;
    omega_stream_open(&s, m.payload, (size_t)m.values[PAYLOAD]);
    result = take_patterns(&s, book, m.values[PATTERNS], base, state);
    if (!result) result = take_trends(&s, book, m.values[TRENDS], news);
    if (!result)
        result = take_titles(&s, book, m.values[CONTENTS], (uint32_t)m.values[CONTENT_STEP], news);
    if (result) return result;
    if (!omega_stream_ended(&s) || checksum(&m, book, state) != m.values[CRC32])
        return OMEGA_REFUSED;
    return OMEGA_OK;
}

void omega_pattern_vector(const omega_codebook *book, const omega_state *state, uint32_t index,
                          float vector[OMEGA_DIMENSION]) {
    int64_t coefficients[OMEGA_DIMENSION], wide = omega_step(book, state->step);
    for (uint32_t k = 0; k < book->size; k++)
        coefficients[k] = state->patterns[index].coefficients[k] * wide;
    omega_unit(book, coefficients, vector);
}
