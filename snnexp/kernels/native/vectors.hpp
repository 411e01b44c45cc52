// Products of which one factor may be sparse. Vectors are the compiler's own (GCC, clang): one source for all machines.
//
// Matrices are row-major, and padded with 0 to whole vectors or panels where they are read so.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

typedef REAL F;  // float or double

namespace {

// Bytes of a vector; rows and vectors side by side of a tile of the dense product, whose sums, 24 or 12, stay in
// registers. A narrow panel stays in the first cache while the rows pass by: 2 vectors of 256 rows are 32 KB.
#if defined(__AVX512F__)
constexpr int kBytes = 64, kRows = 12, kPanel = 2;
#elif defined(__AVX__)
constexpr int kBytes = 32, kRows = 6, kPanel = 2;
#else
constexpr int kBytes = 16, kRows = 6, kPanel = 2;
#endif
constexpr int kBlock = 8;  // vectors of a row that stay in registers while events are added to it

struct Vector {  // of F
    static constexpr int64_t lanes = kBytes / sizeof(F);
    typedef F Wide __attribute__((vector_size(kBytes)));
    typedef F Loose __attribute__((vector_size(kBytes), aligned(sizeof(F)), may_alias));
    static Wide load(const F* from) { return *reinterpret_cast<const Loose*>(from); }
    static void store(F* to, Wide value) { *reinterpret_cast<Loose*>(to) = value; }
    static F sum(Wide value) {
        F lane[lanes], total = 0;
        std::memcpy(lane, &value, sizeof lane);
#pragma omp simd reduction(+ : total)
        for (int64_t n = 0; n < lanes; ++n) total += lane[n];
        return total;
    }
};

// The part `index` of `count` equal ones of [0, size).
struct Part {
    int64_t begin, end;
    Part(int64_t size, int64_t index, int64_t count) : begin(size * index / count), end(size * (index + 1) / count) {}
};

// A matrix whose rows are looked up one by one; their length, `stride`, is a number of whole vectors.
struct Table {
    const F* rows;
    int64_t stride;

    template <int vectors>
    void add_block(F* sum, int64_t column, const int32_t* indices, const F* values, int64_t events) const {
        using V = Vector;
        V::Wide total[vectors];
        for (int k = 0; k < vectors; ++k) total[k] = V::load(sum + column + k * V::lanes);
        for (int64_t e = 0; e < events; ++e) {
            const F* row = rows + indices[e] * stride + column;
#pragma GCC unroll 8
            for (int k = 0; k < vectors; ++k) total[k] += values[e] * V::load(row + k * V::lanes);
        }
        for (int k = 0; k < vectors; ++k) V::store(sum + column + k * V::lanes, total[k]);
    }

    // sum [stride] += the rows named by the events, each times its value.
    void add(F* sum, const int32_t* indices, const F* values, int64_t events) const {
        constexpr int64_t block = kBlock * Vector::lanes;
        int64_t column = 0;
        for (; column + block <= stride; column += block)
            add_block<kBlock>(sum, column, indices, values, events);
        for (; column < stride; column += Vector::lanes)
            add_block<1>(sum, column, indices, values, events);
    }

    // product[i] = row i . left, for the wanted rows only; left [stride].
    void dot(F* product, const F* left, const int32_t* wanted, int64_t count) const {
        using V = Vector;
        int64_t i = 0;
        for (; i + 4 <= count; i += 4) {
            V::Wide total[4] = {};
            for (int64_t c = 0; c < stride; c += V::lanes) {
                const V::Wide seen = V::load(left + c);
#pragma GCC unroll 4
                for (int k = 0; k < 4; ++k) total[k] += seen * V::load(rows + wanted[i + k] * stride + c);
            }
            for (int k = 0; k < 4; ++k) product[wanted[i + k]] = V::sum(total[k]);
        }
        for (; i < count; ++i) {
            V::Wide total = {};
            for (int64_t c = 0; c < stride; c += V::lanes)
                total += V::load(left + c) * V::load(rows + wanted[i] * stride + c);
            product[wanted[i]] = V::sum(total);
        }
    }
};

// A matrix [inner, columns] as panels [columns / width, inner, width], the right factor of a dense product.
struct Panels {
    static constexpr int64_t width = kPanel * Vector::lanes;
    const F* packed;
    int64_t inner, stride;  // stride: the columns, rounded up to whole panels

    template <int rows>
    static void tile(F* out, int64_t out_stride, const F* left, int64_t left_stride, const F* panel, int64_t inner) {
        using V = Vector;
        V::Wide sum[rows][kPanel] = {};
        for (int64_t k = 0; k < inner; ++k) {
            V::Wide right[kPanel];
#pragma GCC unroll 4
            for (int c = 0; c < kPanel; ++c) right[c] = V::load(panel + k * width + c * V::lanes);
#pragma GCC unroll 12
            for (int r = 0; r < rows; ++r)
#pragma GCC unroll 4
                for (int c = 0; c < kPanel; ++c) sum[r][c] += left[r * left_stride + k] * right[c];
        }
        for (int r = 0; r < rows; ++r)
            for (int c = 0; c < kPanel; ++c) V::store(out + r * out_stride + c * V::lanes, sum[r][c]);
    }

    // out [rows, stride] = left [rows, inner] times this.
    void product(F* out, const F* left, int64_t rows) const {
        for (int64_t column = 0; column < stride; column += width) {
            const F* panel = packed + column * inner;
            int64_t r = 0;
            for (; r + kRows <= rows; r += kRows)
                tile<kRows>(out + r * stride + column, stride, left + r * inner, inner, panel, inner);
            for (; r + 4 <= rows; r += 4)
                tile<4>(out + r * stride + column, stride, left + r * inner, inner, panel, inner);
            for (; r < rows; ++r)
                tile<1>(out + r * stride + column, stride, left + r * inner, inner, panel, inner);
        }
    }
};

}  // namespace
