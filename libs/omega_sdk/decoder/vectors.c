/* Codebooks, levels, and vectors from coefficients. */
#include "internal.h"

#include <float.h>

#ifdef __FAST_MATH__
#error "vectors need IEEE arithmetic: compile without -ffast-math"
#endif
#if FLT_EVAL_METHOD != 0 && FLT_EVAL_METHOD != 1
#error "vectors need double without excess precision"
#endif

enum { HEAD = 18, CENTRE = 56, MOST_SCALE = 1023, ESCAPE = 7 };
static const int64_t MOST_COEFFICIENT = (int64_t)1 << 22;
static const int64_t MOST_SCALED = (int64_t)1 << 18;

static int take_table(const uint8_t *bytes, int symbols, uint16_t *table) {
    uint32_t sum = 0;
    for (int i = 0; i < symbols; i++) {
        uint32_t frequency = omega_le16(bytes + 2 * i);
        table[i] = (uint16_t)sum;
        sum += frequency;
        if (frequency == 0 || sum > 1u << 15) return 0;
    }
    table[symbols] = (uint16_t)sum;
    return sum == 1u << 15;
}

static int text_is_model(const uint8_t *bytes, size_t size);

omega_result omega_codebook_open(omega_codebook *book, const uint8_t *body, size_t size) {
    static const uint8_t magic[4] = {'O', 'T', 'C', '1'};
    uint8_t digest[32];
    if (size < HEAD) return OMEGA_REFUSED;
    for (int i = 0; i < 4; i++)
        if (body[i] != magic[i]) return OMEGA_REFUSED;
    uint32_t k = omega_le16(body + 6);
    size_t named = omega_le16(body + 12);
    uint32_t anchors = omega_le16(body + 14), width = omega_le16(body + 16);
    if (omega_le16(body + 4) != OMEGA_DIMENSION || k < 1 || k > OMEGA_DIMENSION ||
        omega_le16(body + 8) != OMEGA_STEPS || omega_le16(body + 10) != OMEGA_SPAN ||
        anchors < 1 || anchors > OMEGA_MAX_ANCHORS || anchors & (anchors - 1) || width < 1 ||
        width > k)
        return OMEGA_REFUSED;
    size_t wanted = HEAD + named + 2 * OMEGA_DIMENSION + (2 + 2 + 3) * (size_t)k +
                    (size_t)anchors * width +
                    OMEGA_KINDS * OMEGA_GAINS + (size_t)k * OMEGA_DIMENSION + 4 * OMEGA_STEPS +
                    2 * (OMEGA_KINDS * OMEGA_GAINS + OMEGA_STEPS * OMEGA_LEVELS +
                         OMEGA_NUMBERS * OMEGA_CLASSES + OMEGA_OPERATIONS);
    if (size != wanted || !text_is_model(body + HEAD, named)) return OMEGA_REFUSED;
    const uint8_t *at = body + HEAD + named;
    book->body = body;
    book->size = k;
    book->anchors = anchors;
    book->width = width;
    book->mean = at, at += 2 * OMEGA_DIMENSION;
    book->scales = at, at += 2 * k;
    book->starts = at, at += 2 * k;
    book->spreads = at, at += 3 * k;
    book->anchor = at, at += (size_t)anchors * width;
    book->gains = at, at += OMEGA_KINDS * OMEGA_GAINS;
    book->basis = at, at += (size_t)k * OMEGA_DIMENSION;
    book->steps = at, at += 4 * OMEGA_STEPS;
    uint32_t any = 0, last = (1u << 20) + 1;
    for (int i = 0; i < 2 * OMEGA_DIMENSION; i++) any |= book->mean[i];
    if (!any) return OMEGA_REFUSED;
    for (uint32_t i = 0; i < k; i++) {
        uint32_t scale = omega_le16(book->scales + 2 * i);
        if (scale < 1 || scale > MOST_SCALE) return OMEGA_REFUSED;
    }
    for (int i = 0; i < OMEGA_STEPS; i++) {
        uint32_t step = omega_le32(book->steps + 4 * i);
        if (step < 1 || step >= last) return OMEGA_REFUSED;
        last = step;
    }
    for (int i = 0; i < OMEGA_KINDS; i++, at += 2 * OMEGA_GAINS)
        if (!take_table(at, OMEGA_GAINS, book->gain_tables[i])) return OMEGA_REFUSED;
    for (int i = 0; i < OMEGA_STEPS; i++, at += 2 * OMEGA_LEVELS)
        if (!take_table(at, OMEGA_LEVELS, book->level_tables[i])) return OMEGA_REFUSED;
    for (int i = 0; i < OMEGA_NUMBERS; i++, at += 2 * OMEGA_CLASSES)
        if (!take_table(at, OMEGA_CLASSES, book->number_tables[i])) return OMEGA_REFUSED;
    if (!take_table(at, OMEGA_OPERATIONS, book->operation_table)) return OMEGA_REFUSED;
    omega_sha256(body, size, digest);
    book->id = omega_le32(digest);
    return OMEGA_OK;
}

/* 1 to 64 bytes of printable ASCII. */
static int text_is_model(const uint8_t *bytes, size_t size) {
    if (size < 1 || size > 64) return 0;
    for (size_t i = 0; i < size; i++)
        if (bytes[i] < 0x20 || bytes[i] > 0x7e) return 0;
    return 1;
}

int64_t omega_step(const omega_codebook *book, uint32_t step) {
    return (int64_t)omega_le32(book->steps + 4 * step);
}

void omega_levels(omega_stream *stream, const omega_codebook *book, int kind, uint32_t step,
                  int64_t levels[OMEGA_DIMENSION]) {
    int gain = omega_symbol(stream, book->gain_tables[kind], OMEGA_GAINS);
    int shift = (int)(step >> 1) + CENTRE + (int8_t)book->gains[kind * OMEGA_GAINS + gain];
    const uint8_t *spreads = book->spreads + (size_t)kind * book->size;
    for (uint32_t k = 0; k < book->size; k++) {
        int table = (int8_t)spreads[k] + shift;
        table = table < 0 ? 0 : table >= OMEGA_STEPS ? OMEGA_STEPS - 1 : table;
        int64_t level = omega_symbol(stream, book->level_tables[table], OMEGA_LEVELS) - OMEGA_SPAN;
        if (level == OMEGA_SPAN) level += (int64_t)omega_number(stream, book->number_tables[ESCAPE]);
        else if (level == -OMEGA_SPAN)
            level -= (int64_t)omega_number(stream, book->number_tables[ESCAPE]);
        levels[k] = level;
        if (stream->failed) return;
    }
}

int64_t omega_anchor(const omega_codebook *book, uint32_t anchor, uint32_t k, int64_t wide) {
    if (k >= book->width) return 0;
    int64_t twice = (int64_t)(int8_t)book->anchor[(size_t)anchor * book->width + k] * (1 << 13);
    int64_t part = twice + wide; /* floor(part / (2 wide)) */
    return part >= 0 ? part / (2 * wide) : -((2 * wide - 1 - part) / (2 * wide));
}

/* floor(value / 2^16 + 1 / 2) */
static int64_t rounded(int64_t value) {
    value += 1 << 15;
    return value >= 0 ? value >> 16 : -((-value + 65535) >> 16);
}

/* The square root of a number below 2^62, rounded to the nearest double, as IEEE 754 has it. */
static double root(uint64_t number) {
    uint64_t rest = 0, found = 0;
    int length = 0, halvings = 0;
    double value = (double)number; /* rounds to 53 bits first, as the norm states */
    number = (uint64_t)value;
    while (number >> length) length++;
    length += length & 1;
    for (int bit = length - 2; found >> 53 == 0; bit -= 2) { /* a digit at a time, 54 of them */
        rest = rest << 2 | (bit >= 0 ? number >> bit & 3 : 0);
        found <<= 1;
        if (rest >= 2 * found + 1) {
            rest -= 2 * found + 1;
            found++;
        }
        if (bit < 0) halvings++;
    }
    /* Of 54 digits the last one rounds; no root of 53 bits lies half way. */
    found = (found >> 1) + (found & 1);
    value = (double)found;
    for (int i = 1; i < halvings; i++) value /= 2;
    return halvings ? value : 2 * value;
}

int omega_unit(const omega_codebook *book, const int64_t coefficients[OMEGA_DIMENSION],
               float vector[OMEGA_DIMENSION]) {
    int32_t sums[OMEGA_DIMENSION], scaled[OMEGA_DIMENSION];
    int64_t total = 0, squares = 0;
    for (uint32_t k = 0; k < book->size; k++) {
        int64_t y = coefficients[k];
        if (y > MOST_COEFFICIENT || y < -MOST_COEFFICIENT) return 0;
        int64_t c = rounded(y * (int64_t)omega_le16(book->scales + 2 * k));
        total += c < 0 ? -c : c;
        scaled[k] = (int32_t)c;
    }
    if (total > MOST_SCALED) return 0; /* so that 32 bits hold every sum */
    for (int j = 0; j < OMEGA_DIMENSION; j++)
        sums[j] = (int32_t)(int16_t)omega_le16(book->mean + 2 * j) * 32;
    for (uint32_t k = 0; k < book->size; k++) {
        const int8_t *row = (const int8_t *)book->basis + (size_t)k * OMEGA_DIMENSION;
        if (scaled[k])
            for (int j = 0; j < OMEGA_DIMENSION; j++) sums[j] += scaled[k] * row[j];
    }
    for (int j = 0; j < OMEGA_DIMENSION; j++) squares += (int64_t)sums[j] * sums[j];
    if (squares == 0) return 0;
    if (vector) {
        double norm = root((uint64_t)squares);
        for (int j = 0; j < OMEGA_DIMENSION; j++) vector[j] = (float)((double)sums[j] / norm);
    }
    return 1;
}
