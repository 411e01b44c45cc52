// Products with a sparse left factor x [K, I], given by its events.
//
// Shapes: K rows, I inputs, N columns.

#include "spikes.hpp"

namespace {

// What a call is given; events.py mirrors it, and leaves 0 what the function does not need.
struct Product {
    int64_t K, I, N, threads, stride;
    const F *x, *weight, *bias, *gradient;  // [K, I]; table of weight^T [I, stride]; ? [N]; [K, N]
    Events events;
    F* out;
};

}  // namespace

extern "C" {

// Every thread lists the events of its rows from place (its first row) * I + thread * kSlack on.
void list(const Product* p) {
    const Events& events = p->events;
#pragma omp parallel for num_threads(p->threads) schedule(static, 1)
    for (int64_t thread = 0; thread < p->threads; ++thread) {
        const Part part(p->K, thread, p->threads);
        int64_t place = part.begin * p->I + thread * kSlack;
        for (int64_t k = part.begin; k < part.end; ++k) {
            const F* row = p->x + k * p->I;
            const int64_t found = nonzero(events.indices + place, row, p->I);
            for (int64_t n = place; n < place + found; ++n) events.values[n] = row[events.indices[n]];
            events.begins[k] = place;
            events.counts[k] = found;
            place += found;
        }
    }
}

// out [K, N] = x weight^T + bias.
void multiply(const Product* p) {
    const Table table{p->weight, p->stride};
#pragma omp parallel num_threads(p->threads)
    {
        std::vector<F> sum(p->stride, F(0));
#pragma omp for schedule(static)
        for (int64_t k = 0; k < p->K; ++k) {
            if (p->bias) std::copy_n(p->bias, p->N, sum.data());
            else std::fill_n(sum.data(), p->N, F(0));
            table.add(sum.data(), p->events.of(k), p->events.values_of(k), p->events.counts[k]);
            std::copy_n(sum.data(), p->N, p->out + k * p->N);
        }
    }
}

// out += x^T gradient, in panels as `Outer` has them.
void outer(const Product* p) {
    const Outer sums{p->out, p->I, p->N};
#pragma omp parallel for num_threads(p->threads) schedule(dynamic)
    for (int64_t n = 0; n < Outer::panels(p->N); ++n) sums.add(n, p->events, 0, p->gradient, p->K);
}

int64_t beside() { return Outer::width; }

}  // extern "C"
