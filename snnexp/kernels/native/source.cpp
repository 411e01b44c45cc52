// Whole sequences of the LIF family, and products with sparse inputs, on a CPU.
//
// Each thread takes a part of the batch (or of the columns) and walks all of time with it: there is no barrier per step.
// Vectors are the compiler's own (GCC, clang), so that one source serves every architecture.
//
// Shapes: T time, B batch, I inputs, N neurons, K rows = T B. All arrays are dense and row-major.

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include <omp.h>

namespace {

#if defined(__AVX512F__)
constexpr int kBytes = 64, kPanel = 4;  // of a vector; vectors in a panel of the dense product
#elif defined(__AVX__)
constexpr int kBytes = 32, kPanel = 2;
#else
constexpr int kBytes = 16, kPanel = 4;
#endif
constexpr int kRows = 6;   // rows of the dense product that stay in registers: with its panel, 12 or 24 sums
constexpr int kBlock = 8;  // vectors of a row that stay in registers while events are added to it

template <typename F>
struct Vector {
    typedef F Wide __attribute__((vector_size(kBytes)));
    typedef F Type __attribute__((vector_size(kBytes), aligned(sizeof(F)), may_alias));
    static constexpr int lanes = kBytes / sizeof(F);
};

// Rows are padded to whole vectors wherever they are read by vectors.
template <typename F>
int64_t padded(int64_t columns) {
    constexpr int64_t lanes = Vector<F>::lanes;
    return (columns + lanes - 1) / lanes * lanes;
}

// Where threads meet: part `index` of `count` out of [0, size).
struct Part {
    int64_t begin, end;
    Part(int64_t size, int64_t index, int64_t count) : begin(size * index / count), end(size * (index + 1) / count) {}
};

// matrix [rows, columns] -> its transpose [columns, padded(rows)].
template <typename F>
std::vector<F> transposed(const F* matrix, int64_t rows, int64_t columns) {
    const int64_t stride = padded<F>(rows);
    std::vector<F> result(columns * stride, F(0));
    constexpr int64_t tile = 16;
    for (int64_t r0 = 0; r0 < rows; r0 += tile)
        for (int64_t c0 = 0; c0 < columns; c0 += tile)
            for (int64_t r = r0; r < std::min(rows, r0 + tile); ++r)
                for (int64_t c = c0; c < std::min(columns, c0 + tile); ++c) result[c * stride + r] = matrix[r * columns + c];
    return result;
}

// sum += values[e] * matrix[indices[e]] over the events e, for `vectors` vectors of the row from column `from` on.
template <typename F, int vectors>
inline void gather_block(F* sum, const F* matrix, int64_t stride, const int32_t* indices, const F* values, int64_t events) {
    using V = typename Vector<F>::Type;
    constexpr int lanes = Vector<F>::lanes;
    typename Vector<F>::Wide total[vectors];
    for (int k = 0; k < vectors; ++k) total[k] = *reinterpret_cast<const V*>(sum + k * lanes);
    for (int64_t e = 0; e < events; ++e) {
        const F* row = matrix + indices[e] * stride;
        const F value = values ? values[e] : F(1);
#pragma GCC unroll 8
        for (int k = 0; k < vectors; ++k) total[k] += value * *reinterpret_cast<const V*>(row + k * lanes);
    }
    for (int k = 0; k < vectors; ++k) *reinterpret_cast<V*>(sum + k * lanes) = total[k];
}

// sum [stride] += sum over events of value * matrix[index], matrix [*, stride].
template <typename F>
void gather(F* sum, const F* matrix, int64_t stride, const int32_t* indices, const F* values, int64_t events) {
    constexpr int64_t lanes = Vector<F>::lanes;
    int64_t column = 0;
    for (; column + kBlock * lanes <= stride; column += kBlock * lanes)
        gather_block<F, kBlock>(sum + column, matrix + column, stride, indices, values, events);
    for (; column < stride; column += lanes)
        gather_block<F, 1>(sum + column, matrix + column, stride, indices, values, events);
}

// A matrix [K, N] in panels of a few vectors, for the dense product.
template <typename F>
struct Panels {
    static constexpr int64_t lanes = Vector<F>::lanes, width = kPanel * lanes;
    int64_t inner, columns;
    std::vector<F> packed;

    // of [inner, columns] where `transpose` is false, else of the transpose of [columns, inner].
    Panels(const F* matrix, int64_t inner_, int64_t columns_, bool transpose)
        : inner(inner_), columns(columns_), packed((columns_ + width - 1) / width * width * inner_, F(0)) {
        for (int64_t panel = 0; panel * width < columns; ++panel)
            for (int64_t k = 0; k < inner; ++k)
                for (int64_t c = panel * width; c < std::min(columns, (panel + 1) * width); ++c)
                    packed[(panel * inner + k) * width + c - panel * width] =
                        transpose ? matrix[c * inner + k] : matrix[k * columns + c];
    }

    template <int rows>
    static void tile(F* out, int64_t out_stride, const F* left, int64_t left_stride, const F* panel, int64_t inner) {
        using V = typename Vector<F>::Type;
        typename Vector<F>::Wide sum[rows][kPanel] = {};
        for (int64_t k = 0; k < inner; ++k) {
            typename Vector<F>::Wide right[kPanel];
#pragma GCC unroll 8
            for (int c = 0; c < kPanel; ++c) right[c] = *reinterpret_cast<const V*>(panel + k * width + c * lanes);
#pragma GCC unroll 8
            for (int r = 0; r < rows; ++r)
#pragma GCC unroll 8
                for (int c = 0; c < kPanel; ++c) sum[r][c] += left[r * left_stride + k] * right[c];
        }
        for (int r = 0; r < rows; ++r)
            for (int c = 0; c < kPanel; ++c) *reinterpret_cast<V*>(out + r * out_stride + c * lanes) += sum[r][c];
    }

    // out [rows, stride] += left [rows, inner] times this; the stride of out is a whole number of panels.
    void add_product(F* out, int64_t out_stride, const F* left, int64_t rows) const {
        for (int64_t panel = 0; panel * width < columns; ++panel) {
            const F* right = packed.data() + panel * inner * width;
            F* to = out + panel * width;
            int64_t r = 0;
            for (; r + kRows <= rows; r += kRows)
                tile<kRows>(to + r * out_stride, out_stride, left + r * inner, inner, right, inner);
            for (; r < rows; ++r) tile<1>(to + r * out_stride, out_stride, left + r * inner, inner, right, inner);
        }
    }

    int64_t stride() const { return (columns + width - 1) / width * width; }
};

// The columns that are not 0, and how many there are; written without a branch.
template <typename F>
inline int64_t active(int32_t* indices, const F* row, int64_t columns) {
    int64_t found = 0;
    for (int64_t c = 0; c < columns; ++c) {
        indices[found] = int32_t(c);
        found += row[c] != F(0);
    }
    return found;
}

enum Reset { PRE, POST, MINUS, MINUS_IMMEDIATE };

// ---- The sequences -------------------------------------------------------------------------------------------------

template <typename F>
struct Lif {
    int64_t T, B, N;
    const F *alpha, *theta, *b;  // [N]; b may be null
    int64_t reset, detach;

    // One step of one row: v from the voltage and the spikes before, and the current x.
    template <Reset kind>
    void step(F* v, F* z, const F* x, const F* before, const F* spike, const F* noise) const {
        for (int64_t n = 0; n < N; ++n) {
            const F current = b ? x[n] + b[n] : x[n], leaked = alpha[n] * before[n];
            if (kind == PRE) v[n] = leaked * (1 - spike[n]) + current;
            if (kind == POST) v[n] = (leaked + current) * (1 - spike[n]);
            if (kind == MINUS) v[n] = leaked + current - theta[n] * spike[n];
            if (kind == MINUS_IMMEDIATE) v[n] = leaked + current - alpha[n] * theta[n] * spike[n];
            z[n] = v[n] - theta[n] > (noise ? noise[n] : F(0)) ? F(1) : F(0);
        }
    }

    void step(F* v, F* z, const F* x, const F* before, const F* spike, const F* noise) const {
        switch (reset) {
            case PRE: return step<PRE>(v, z, x, before, spike, noise);
            case POST: return step<POST>(v, z, x, before, spike, noise);
            case MINUS: return step<MINUS>(v, z, x, before, spike, noise);
            default: return step<MINUS_IMMEDIATE>(v, z, x, before, spike, noise);
        }
    }

    // ... 
};

}  // namespace
