// Sparse rows: their events, the places and values that are not 0, and bits, the lowest of a byte first.
#pragma once

#include "vectors.hpp"
#if defined(__AVX512F__)
#include <immintrin.h>
#endif

namespace {

// A matrix by the events of its rows: where a row's begin, and how many it has.
struct Events {
    int64_t *begins, *counts;
    int32_t* indices;
    F* values;

    const int32_t* of(int64_t row) const { return indices + begins[row]; }
    const F* values_of(int64_t row) const { return values + begins[row]; }
};

// Where the bits of a byte are set, for every byte.
struct Places {
    uint8_t of[256][8] = {};
    constexpr Places() {
        for (int byte = 0; byte < 256; ++byte)
            for (int bit = 0, found = 0; bit < 8; ++bit)
                if (byte >> bit & 1) of[byte][found++] = uint8_t(bit);
    }
};
constexpr Places places;
constexpr int64_t kSlack = 16;  // what a list of places may be written beyond what is found

// A bit for each of eight values that is not 0.
inline uint8_t byte_of(const F* eight) {
    typedef F Values __attribute__((vector_size(8 * sizeof(F)), aligned(sizeof(F)), may_alias));
    typedef int8_t Bytes __attribute__((vector_size(8)));
    const Bytes differ = __builtin_convertvector(*reinterpret_cast<const Values*>(eight) != F(0), Bytes);
    uint64_t bytes;
    std::memcpy(&bytes, &differ, 8);
    return uint8_t((bytes & 0x0101010101010101u) * 0x0102040810204080u >> 56);
}

// The last `columns` < 8 values of a row likewise.
inline uint8_t byte_of(const F* some, int64_t columns) {
    F eight[8] = {};
    std::copy_n(some, columns, eight);
    return byte_of(eight);
}

#if defined(__AVX512F__)
constexpr int64_t kWide = 16;  // values that AVX-512 looks at in one go
inline uint16_t differs(const float* row) {
    return _mm512_cmp_ps_mask(_mm512_loadu_ps(row), _mm512_setzero_ps(), _CMP_NEQ_UQ);
}
inline uint16_t differs(const double* row) {
    const __mmask8 first = _mm512_cmp_pd_mask(_mm512_loadu_pd(row), _mm512_setzero_pd(), _CMP_NEQ_UQ);
    const __mmask8 second = _mm512_cmp_pd_mask(_mm512_loadu_pd(row + 8), _mm512_setzero_pd(), _CMP_NEQ_UQ);
    return uint16_t(second << 8 | first);
}
inline int64_t list_wide(int32_t* indices, uint16_t differ, int64_t column) {
    const __m512i counting = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const __m512i here = _mm512_add_epi32(counting, _mm512_set1_epi32(int32_t(column)));
    _mm512_storeu_si512(indices, _mm512_maskz_compress_epi32(differ, here));
    return __builtin_popcount(differ);
}
#endif

// Writes the places of the bits, from `column` on, and returns how many they are; without a branch.
inline int64_t list(int32_t* indices, uint8_t byte, int64_t column) {
#pragma omp simd
    for (int n = 0; n < 8; ++n) indices[n] = int32_t(column) + places.of[byte][n];
    return __builtin_popcount(byte);
}

// Which of `columns` values are not 0, in order, and how many; as bits, too, if there is room for them.
inline int64_t nonzero(int32_t* indices, const F* row, int64_t columns, uint8_t* bits = nullptr) {
    int64_t found = 0, c = 0;
#if defined(__AVX512F__)
    for (; c + kWide <= columns; c += kWide) {
        const uint16_t differ = differs(row + c);
        if (bits) std::memcpy(bits + c / 8, &differ, sizeof differ);
        found += list_wide(indices + found, differ, c);
    }
#endif
    for (; c < columns; c += 8) {
        const uint8_t byte = c + 8 <= columns ? byte_of(row + c) : byte_of(row + c, columns - c);
        if (bits) bits[c / 8] = byte;
        found += list(indices + found, byte, c);
    }
    return found;
}

inline void pack(uint8_t* bits, const F* row, int64_t columns) {
    int64_t c = 0;
#if defined(__AVX512F__)
    for (; c + kWide <= columns; c += kWide) {
        const uint16_t differ = differs(row + c);
        std::memcpy(bits + c / 8, &differ, sizeof differ);
    }
#endif
    for (; c < columns; c += 8)
        bits[c / 8] = c + 8 <= columns ? byte_of(row + c) : byte_of(row + c, columns - c);
}

// The places of the bits of a row, and how many they are.
inline int64_t places_of(int32_t* indices, const uint8_t* bits, int64_t columns) {
    int64_t found = 0, c = 0;
#if defined(__AVX512F__)
    for (uint16_t two; c + kWide <= columns; c += kWide) {
        std::memcpy(&two, bits + c / 8, sizeof two);
        found += list_wide(indices + found, two, c);
    }
#endif
    for (; c < columns; c += 8) found += list(indices + found, bits[c / 8], c);
    return found;
}

inline void unpack(F* row, const uint8_t* bits, int64_t columns) {
#pragma omp simd
    for (int64_t c = 0; c < columns; ++c) row[c] = F(bits[c / 8] >> c % 8 & 1);
}

// Sums of gradient^T x in panels [N / width, I, width], where width is that of kBeside vectors. One thread adds to a
// panel at a time, so that the sums have one order for any number of threads.
struct Outer {
    static constexpr int kBeside = 2;
    static constexpr int64_t width = kBeside * Vector::lanes;
    F* sums;
    int64_t I, N;

    static int64_t panels(int64_t columns) { return (columns + width - 1) / width; }

    // Adds the rows of a gradient [rows, N] to a panel; x from its row `first` on.
    void add(int64_t panel, const Events& x, int64_t first, const F* gradient, int64_t rows) const {
        using V = Vector;
        F padded[width] = {}, *panel_sums = sums + panel * I * width;
        const int64_t n = panel * width, columns = std::min(width, N - n);
        for (int64_t k = 0; k < rows; ++k) {
            const int64_t count = x.counts[first + k];
            if (!count) continue;
            const int32_t* indices = x.of(first + k);
            const F *values = x.values_of(first + k), *row = gradient + k * N + n;
            if (columns < width) row = std::copy_n(row, columns, padded) - columns;
            V::Wide seen[kBeside];
#pragma GCC unroll 4
            for (int c = 0; c < kBeside; ++c) seen[c] = V::load(row + c * V::lanes);
            for (int64_t m = 0; m < count; ++m) {
                F* sum = panel_sums + indices[m] * width;
#pragma GCC unroll 4
                for (int c = 0; c < kBeside; ++c)
                    V::store(sum + c * V::lanes, V::load(sum + c * V::lanes) + values[m] * seen[c]);
            }
        }
    }
};

}  // namespace
