/* Range asymmetric numeral system: 32-bit state, byte-wise, frequencies that sum to 2^15. */
#include "internal.h"

enum { PRECISION = 15 };
static const uint32_t LEAST = 1u << 23;
static const uint32_t MASK = (1u << PRECISION) - 1;

static void fill(omega_stream *stream) {
    while (stream->state < LEAST) {
        if (stream->at >= stream->size) {
            stream->failed = 1;
            stream->state = LEAST;
            return;
        }
        stream->state = stream->state << 8 | stream->data[stream->at++];
    }
}

void omega_stream_open(omega_stream *stream, const uint8_t *data, size_t size) {
    stream->data = data;
    stream->size = size;
    stream->at = 0;
    stream->state = 0;
    stream->failed = 0;
    fill(stream);
}

int omega_symbol(omega_stream *stream, const uint16_t *table, int symbols) {
    uint32_t slot = stream->state & MASK;
    int low = 0, high = symbols;
    if (stream->failed) return 0;
    while (high - low > 1) { /* table[low] <= slot < table[high] */
        int middle = (low + high) / 2;
        if (table[middle] <= slot) low = middle;
        else high = middle;
    }
    stream->state =
        (uint32_t)(table[low + 1] - table[low]) * (stream->state >> PRECISION) + slot - table[low];
    fill(stream);
    return low;
}

uint64_t omega_bits(omega_stream *stream, int count) {
    uint64_t value = 0;
    while (count > 0 && !stream->failed) {
        int piece = count < 8 ? count : 8, shift = PRECISION - piece;
        uint32_t slot = stream->state & MASK;
        value = value << piece | slot >> shift;
        stream->state = (stream->state >> PRECISION << shift) + (slot & ((1u << shift) - 1));
        fill(stream);
        count -= piece;
    }
    return stream->failed ? 0 : value;
}

uint64_t omega_number(omega_stream *stream, const uint16_t *table) {
    int length = omega_symbol(stream, table, OMEGA_CLASSES);
    return ((uint64_t)1 << length) + omega_bits(stream, length) - 1;
}

int64_t omega_signed(omega_stream *stream, const uint16_t *table) {
    uint64_t value = omega_number(stream, table);
    return value & 1 ? -(int64_t)((value + 1) / 2) : (int64_t)(value / 2);
}

int omega_stream_ended(const omega_stream *stream) {
    return !stream->failed && stream->state == LEAST && stream->at == stream->size;
}
