/* Reads cases and writes what becomes of each: the program that tools/codec_c.py compares with numpy.
 *
 * A case: length of the base's message as uint32 (0 = none), that message, length of the message,
 * the message. Written: a byte, 0 = accepted; then, little-endian, the patterns' count, of each id,
 * rate, floor, weight and vector; the trends' count, second, of each ordinal, score, regional; the
 * titles' count, of each ordinal and vector. */
#include "omega_news.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint8_t *load(const char *path, size_t *size) {
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END)) exit(2);
    *size = (size_t)ftell(file);
    rewind(file);
    uint8_t *data = malloc(*size ? *size : 1);
    if (!data || fread(data, 1, *size, file) != *size) exit(2);
    fclose(file);
    return data;
}

static void put(uint64_t value, int bytes) {
    for (int i = 0; i < bytes; i++) putchar((int)(value >> 8 * i & 255));
}

static void put_vector(const float *vector) {
    for (int i = 0; i < OMEGA_DIMENSION; i++) {
        uint32_t bits;
        memcpy(&bits, &vector[i], 4);
        put(bits, 4);
    }
}

static uint32_t take_length(const uint8_t *data, size_t *at) {
    uint32_t value = 0;
    for (int i = 0; i < 4; i++) value |= (uint32_t)data[(*at)++] << 8 * i;
    return value;
}

/* A copy that ends where its memory does, so that a sanitizer sees every read past it. */
static omega_result read_exactly(const omega_codebook *book, const uint8_t *data, size_t size,
                                 const omega_state *base, omega_state *state, omega_news *news) {
    uint8_t *copy = malloc(size ? size : 1);
    if (!copy) exit(2);
    memcpy(copy, data, size);
    omega_result result = omega_news_read(book, copy, size, base, state, news);
    free(copy);
    return result;
}

int main(int count, char **names) {
    static omega_codebook book;
    static omega_news news;
    omega_state states[2] = {{0, 0, 0, 0, OMEGA_MAX_PATTERNS, 0}, {0, 0, 0, 0, OMEGA_MAX_PATTERNS, 0}};
    size_t body_size, size, at = 0;
    if (count != 3) return 2;
    uint8_t *body = load(names[1], &body_size), *cases = load(names[2], &size);
    for (int i = 0; i < 2; i++) states[i].patterns = malloc(OMEGA_MAX_PATTERNS * sizeof(omega_pattern));
    news.titles = malloc(OMEGA_MAX_TITLES * sizeof(omega_title));
    news.title_capacity = OMEGA_MAX_TITLES;
    if (!states[0].patterns || !states[1].patterns || !news.titles) return 2;
    if (omega_codebook_open(&book, body, body_size)) return 3;
    while (at < size) {
        uint32_t length = take_length(cases, &at);
        omega_state *base = length ? &states[0] : 0, *state = &states[1];
        if (length && read_exactly(&book, cases + at, length, 0, base, &news)) return 4;
        at += length;
        length = take_length(cases, &at);
        omega_result result = read_exactly(&book, cases + at, length, base, state, &news);
        at += length;
        put(result, 1);
        if (result) continue;
        put(state->count, 4);
        for (uint32_t i = 0; i < state->count; i++) {
            const omega_pattern *pattern = &state->patterns[i];
            float vector[OMEGA_DIMENSION];
            put(pattern->id, 4), put(pattern->rate, 1), put(pattern->floor, 1), put(pattern->weight, 1);
            omega_pattern_vector(&book, state, i, vector);
            put_vector(vector);
        }
        put(news.trend_count, 4), put(news.trends_at, 8);
        for (uint32_t i = 0; i < news.trend_count; i++)
            put(news.trends[i].ordinal, 4), put(news.trends[i].score, 1), put(news.trends[i].regional, 1);
        put(news.title_count, 4);
        for (uint32_t i = 0; i < news.title_count; i++) {
            put(news.titles[i].ordinal, 4);
            put_vector(news.titles[i].vector);
        }
    }
    free(body), free(cases), free(news.titles);
    for (int i = 0; i < 2; i++) free(states[i].patterns);
    return fflush(stdout) ? 2 : 0;
}
