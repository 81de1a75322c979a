/* What the parts of the reader share. */
#ifndef OMEGA_INTERNAL_H
#define OMEGA_INTERNAL_H

#include "omega_news.h"

enum { OMEGA_PATTERN, OMEGA_TITLE, OMEGA_UPDATE };

typedef struct {
    const uint8_t *data;
    size_t size, at;
    uint32_t state;
    int failed;
} omega_stream;

uint32_t omega_le16(const uint8_t *bytes);
uint32_t omega_le32(const uint8_t *bytes);
void omega_put_le(uint8_t *bytes, uint64_t value, int count);
uint32_t omega_crc32(uint32_t crc, const uint8_t *data, size_t size);
void omega_sha256(const uint8_t *data, size_t size, uint8_t digest[32]);

void omega_stream_open(omega_stream *stream, const uint8_t *data, size_t size);
/* After a failure these give 0 and change nothing. */
int omega_symbol(omega_stream *stream, const uint16_t *table, int symbols);
uint64_t omega_bits(omega_stream *stream, int count);
uint64_t omega_number(omega_stream *stream, const uint16_t *table);
int64_t omega_signed(omega_stream *stream, const uint16_t *table);
int omega_stream_ended(const omega_stream *stream);

/* The next K levels of a vector of a kind. */
void omega_levels(omega_stream *stream, const omega_codebook *book, int kind, uint32_t step,
                  int64_t levels[OMEGA_DIMENSION]);
/* A unit vector of coefficients in units of 2^-20; 0 when one is out of bounds. NULL only checks. */
int omega_unit(const omega_codebook *book, const int64_t coefficients[OMEGA_DIMENSION],
               float vector[OMEGA_DIMENSION]);
/* Coefficient k of an anchor in steps of that width. */
int64_t omega_anchor(const omega_codebook *book, uint32_t anchor, uint32_t k, int64_t wide);
int64_t omega_step(const omega_codebook *book, uint32_t step);

#endif
