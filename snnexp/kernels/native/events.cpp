// Products with a sparse left factor x [K, I], given by its events: the places and values that are not 0.
//
// Shapes: K rows, I inputs, N columns.

#include "vectors.hpp"

namespace {

constexpr int kBeside = 4;  // vectors of a panel of sums

// What a call is given; events.py mirrors it, and leaves 0 what the function does not need.
struct Events {
    int64_t K, I, N, threads, stride;
    const F *x, *weight, *bias, *gradient;  // [K, I]; table of weight^T [I, stride]; ? [N]; [K, N]
    int64_t *begins, *counts;               // [K]: where a row's events begin, and how many it has
    int32_t* indices;
    F *values, *out;
};

}  // namespace

extern "C" {

// Every thread lists the events of its rows from place (its first row) * I + thread * kSlack on.
void list(const Events* e) {
#pragma omp parallel for num_threads(e->threads) schedule(static, 1)
    for (int64_t thread = 0; thread < e->threads; ++thread) {
        const Part part(e->K, thread, e->threads);
        int64_t place = part.begin * e->I + thread * kSlack;
        for (int64_t k = part.begin; k < part.end; ++k) {
            const F* row = e->x + k * e->I;
            const int64_t found = nonzero(e->indices + place, row, e->I);
            for (int64_t n = place; n < place + found; ++n) e->values[n] = row[e->indices[n]];
            e->begins[k] = place;
            e->counts[k] = found;
            place += found;
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
            if (e->bias) std::copy_n(e->bias, e->N, sum.data());
            else std::fill_n(sum.data(), e->N, F(0));
            table.add(sum.data(), e->indices + e->begins[k], e->values + e->begins[k], e->counts[k]);
            std::copy_n(sum.data(), e->N, e->out + k * e->N);
        }
    }
}

// out += x^T gradient, in panels [N / width, I, width], where width is that of kBeside vectors. Every thread takes whole
// panels, so that the sums have one order for any number of threads.
void outer(const Events* e) {
    using V = Vector;
    constexpr int64_t width = kBeside * V::lanes;
#pragma omp parallel for num_threads(e->threads) schedule(dynamic)
    for (int64_t n = 0; n < e->N; n += width) {
        F* sums = e->out + n * e->I;
        const int64_t columns = std::min(width, e->N - n);
        F padded[width] = {};
        for (int64_t k = 0; k < e->K; ++k) {
            if (!e->counts[k]) continue;
            const F* row = e->gradient + k * e->N + n;
            if (columns < width) row = std::copy_n(row, columns, padded) - columns;
            V::Wide seen[kBeside];
#pragma GCC unroll 4
            for (int c = 0; c < kBeside; ++c) seen[c] = V::load(row + c * V::lanes);
            for (int64_t m = e->begins[k]; m < e->begins[k] + e->counts[k]; ++m) {
                F* sum = sums + e->indices[m] * width;
#pragma GCC unroll 4
                for (int c = 0; c < kBeside; ++c)
                    V::store(sum + c * V::lanes, V::load(sum + c * V::lanes) + e->values[m] * seen[c]);
            }
        }
    }
}

int64_t beside() { return kBeside * Vector::lanes; }

}  // extern "C"
