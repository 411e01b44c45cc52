// Products with a sparse left factor x [K, I], given by its events: the places and values that are not 0.
//
// Shapes: K rows, I inputs, N columns.

#include "vectors.hpp"

// What a call is given; events.py mirrors it, and leaves 0 what the function does not need.
struct Events {
    int64_t K, I, N, threads, stride;
    const F *x, *weight, *bias, *gradient;  // [K, I]; table of weight^T [I, stride]; ? [N]; [K, N]
    int64_t *counts, *offsets;              // [K]; [K + 1]: row k's events stand from offsets[k] to offsets[k + 1]
    int32_t* indices;
    F *values, *out;
};

extern "C" {

// Every thread lists the events of its rows from place (its first row) * I + thread * kSlack on; counts [K] says how
// many a row has.
void list(const Events* e) {
#pragma omp parallel for num_threads(e->threads) schedule(static, 1)
    for (int64_t thread = 0; thread < e->threads; ++thread) {
        const Part part(e->K, thread, e->threads);
        int32_t* indices = e->indices + part.begin * e->I + thread * kSlack;
        F* values = e->values + part.begin * e->I + thread * kSlack;
        for (int64_t k = part.begin; k < part.end; ++k) {
            const F* row = e->x + k * e->I;
            const int64_t found = nonzero(indices, row, e->I);
            for (int64_t n = 0; n < found; ++n) values[n] = row[indices[n]];
            e->counts[k] = found;
            indices += found;
            values += found;
        }
    }
}

// out [K, N] = x weight^T + bias.
void multiply(const Events* e) {
    const Table table{e->weight, e->stride};
#pragma omp parallel num_threads(e->threads)
    {
        std::vector<F> sum(e->stride, F(0));
#pragma omp for schedule(static)
        for (int64_t k = 0; k < e->K; ++k) {
            const int64_t from = e->offsets[k];
            if (e->bias) std::copy_n(e->bias, e->N, sum.data());
            else std::fill_n(sum.data(), e->N, F(0));
            table.add(sum.data(), e->indices + from, e->values + from, e->offsets[k + 1] - from);
            std::copy_n(sum.data(), e->N, e->out + k * e->N);
        }
    }
}

// out [N, I] = gradient^T x. Every thread takes blocks of columns n, so that the sums have one order for any number.
void outer(const Events* e) {
    using V = Vector;
    constexpr int vectors = 4;
    constexpr int64_t width = vectors * V::lanes;
    const int64_t I = e->I, N = e->N;
#pragma omp parallel num_threads(e->threads)
    {
        std::vector<F> sums(I * width);
#pragma omp for schedule(dynamic)
        for (int64_t n = 0; n < N; n += width) {
            const int64_t columns = std::min(width, N - n);
            std::fill(sums.begin(), sums.end(), F(0));
            F padded[width] = {};
            for (int64_t k = 0; k < e->K; ++k) {
                if (e->offsets[k] == e->offsets[k + 1]) continue;
                const F* row = e->gradient + k * N + n;
                if (columns < width) row = std::copy_n(row, columns, padded) - columns;
                V::Wide seen[vectors];
#pragma GCC unroll 4
                for (int c = 0; c < vectors; ++c) seen[c] = V::load(row + c * V::lanes);
                for (int64_t m = e->offsets[k]; m < e->offsets[k + 1]; ++m) {
                    F* sum = sums.data() + e->indices[m] * width;
#pragma GCC unroll 4
                    for (int c = 0; c < vectors; ++c)
                        V::store(sum + c * V::lanes, V::load(sum + c * V::lanes) + e->values[m] * seen[c]);
                }
            }
            for (int64_t c = 0; c < columns; ++c)
                for (int64_t i = 0; i < I; ++i) e->out[(n + c) * I + i] = sums[i * width + c];
        }
    }
}

}  // extern "C"
