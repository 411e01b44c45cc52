// Spikes that travel small, unfolded: gaps into events, events and bits into dense frames.
//
// Shapes: T steps, B samples, I channels; K = T x B rows of frames; P bytes of I packed bits.

#include "vectors.hpp"

namespace {

// What a call is given; raster.py mirrors it, and leaves 0 what the function does not need.
struct Raster {
    int64_t T, B, I, P, threads, broken;  // broken: set where gaps lead out of the frames
    const uint8_t* bytes;                 // gaps, sample after sample; or bits [K, P], the highest of a byte first
    const int64_t* starts;                // [B + 1]: where the gaps of a sample begin
    int64_t *begins, *counts;             // [K]: where a row's events begin, and how many it has; counts are 0
    int32_t* indices;
    const F* values;
    F* out;  // [K, I]
};

// Calls spike(row, channel) for the spikes of sample b, in order; false where gaps lead out of the frames.
template <typename Spike>
bool walk(const Raster* r, int64_t b, Spike spike) {
    int64_t row = b, channel = -1;
    for (int64_t m = r->starts[b]; m < r->starts[b + 1]; ++m) {
        const uint8_t gap = r->bytes[m];
        channel += gap ? gap : 255;
        for (; channel >= r->I; channel -= r->I) row += r->B;
        if (row >= r->T * r->B) return false;
        if (gap) spike(row, channel);
    }
    return true;
}

}  // namespace

extern "C" {

void count_gaps(Raster* r) {
    bool broken = false;
#pragma omp parallel for num_threads(r->threads) schedule(static) reduction(|| : broken)
    for (int64_t b = 0; b < r->B; ++b)
        broken = !walk(r, b, [r](int64_t row, int64_t) { ++r->counts[row]; }) || broken;
    r->broken = broken;
}

// Row by row, as a product reads them.
void list_gaps(const Raster* r) {
#pragma omp parallel for num_threads(r->threads) schedule(static)
    for (int64_t b = 0; b < r->B; ++b) {
        int64_t last = -1, place = 0;
        walk(r, b, [&](int64_t row, int64_t channel) {
            if (row != last) place = r->begins[last = row];
            r->indices[place++] = channel;
        });
    }
}

void from_events(const Raster* r) {
#pragma omp parallel for num_threads(r->threads) schedule(static)
    for (int64_t k = 0; k < r->T * r->B; ++k) {
        F* row = r->out + k * r->I;
        std::fill_n(row, r->I, F(0));
        for (int64_t n = r->begins[k]; n < r->begins[k] + r->counts[k]; ++n) row[r->indices[n]] = r->values[n];
    }
}

void from_bits(const Raster* r) {
    F eight[256][8];
    for (int byte = 0; byte < 256; ++byte)
        for (int bit = 0; bit < 8; ++bit) eight[byte][bit] = byte >> (7 - bit) & 1;
#pragma omp parallel for num_threads(r->threads) schedule(static)
    for (int64_t k = 0; k < r->T * r->B; ++k) {
        const uint8_t* bytes = r->bytes + k * r->P;
        F* row = r->out + k * r->I;
        for (int64_t p = 0; p < r->I / 8; ++p) std::copy_n(eight[bytes[p]], 8, row + 8 * p);
        if (r->I % 8) std::copy_n(eight[bytes[r->I / 8]], r->I % 8, row + r->I / 8 * 8);
    }
}

}  // extern "C"
