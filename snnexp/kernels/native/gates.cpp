// Whole sequences of LSTMs. Each thread takes a part of the batch and walks all of time with it, so that no step waits
// for another thread. The equations are those of snnexp/kernels/gates.py.
//
// Shapes: T time, B batch, N neurons, G = 4 N: input gate, forget gate, output gate, candidate.

#include "vectors.hpp"

namespace {

// What a call is given; gates.py mirrors it. Pointers marked ? may be null.
struct Gates {
    int64_t T, B, N, threads, spiking;
    const F *bias, *panels;        // [G]; ? R^T (backward: R) in panels
    int64_t panels_stride;
    const F *c_start, *z_start;    // the state before the first step [B, N]
    const F *currents;             // forward: [T, B, G]
    F *z, *c, *gates;              // the tape: [T, B, N], [T, B, N], [T, B, G]
    const F *of_gates, *of_cell;   // backward: psi(gates) and psi(c) if spiking, else null and tanh(c)
    const F *given;                // ? gradients of all z
    F *of_currents;                // [T, B, G]
    F *to_c, *to_z;                // gradients of the state: after the last step, then before the first
};

constexpr int64_t kGates = 4;

inline F step(F x) { return x > 0 ? F(1) : F(0); }

// Spikes, for a part of the batch and all of time.
void forward(const Gates& all, Part part) {
    const int64_t N = all.N, G = kGates * N, rows = part.end - part.begin;
    const Panels panels{all.panels, N, all.panels_stride};
    std::vector<F> product(std::max<int64_t>(G, rows * all.panels_stride), F(0));
    for (int64_t t = 0; t < all.T; ++t) {
        const F* z1 = (t ? all.z + (t - 1) * all.B * N : all.z_start) + part.begin * N;
        const F* c1 = (t ? all.c + (t - 1) * all.B * N : all.c_start) + part.begin * N;
        if (all.panels) panels.product(product.data(), z1, rows);
        for (int64_t r = 0; r < rows; ++r) {
            const int64_t now = t * all.B + part.begin + r;
            const F *current = all.currents + now * G, *fed = product.data() + r * all.panels_stride, *before = c1 + r * N;
            F *x = all.gates + now * G, *c = all.c + now * N, *z = all.z + now * N;
#pragma omp simd
            for (int64_t n = 0; n < G; ++n) x[n] = current[n] + fed[n] + all.bias[n];
#pragma omp simd
            for (int64_t n = 0; n < N; ++n) {
                const F cell = step(x[N + n]) * before[n] + step(x[n]) * (2 * step(x[3 * N + n]) - 1);
                c[n] = cell;
                z[n] = step(x[2 * N + n]) * (2 * step(cell) - 1);
            }
        }
    }
}

// The reverse recursion, for a part of the batch.
template <bool spiking>
void backward(const Gates& all, Part part) {
    const int64_t N = all.N, G = kGates * N, rows = part.end - part.begin;
    const Panels panels{all.panels, G, all.panels_stride};
    std::vector<F> product(rows * all.panels_stride);
    const std::vector<F> zeros(N, F(0));
    for (int64_t t = all.T - 1; t >= 0; --t) {
        for (int64_t r = 0; r < rows; ++r) {
            const int64_t b = part.begin + r, now = t * all.B + b;
            const F *x = all.gates + now * G, *slope = spiking ? all.of_gates + now * G : x, *of_cell = all.of_cell + now * N;
            const F *c = all.c + now * N, *before = t ? c - all.B * N : all.c_start + b * N;
            const F* given = all.given ? all.given + now * N : zeros.data();
            F *gx = all.of_currents + now * G, *to_c = all.to_c + b * N, *to_z = all.to_z + b * N;
#pragma omp simd
            for (int64_t n = 0; n < N; ++n) {
                F i = x[n], f = x[N + n], o = x[2 * N + n], g = x[3 * N + n], cell = of_cell[n];
                F of_i, of_f, of_o, of_g, of_c;
                if (spiking) {
                    i = step(i), f = step(f), o = step(o), g = 2 * step(g) - 1;
                    of_i = slope[n], of_f = slope[N + n], of_o = slope[2 * N + n], of_g = 2 * slope[3 * N + n];
                    of_c = 2 * cell, cell = 2 * step(c[n]) - 1;
                } else {
                    of_i = i * (1 - i), of_f = f * (1 - f), of_o = o * (1 - o), of_g = 1 - g * g, of_c = 1 - cell * cell;
                }
                const F gz = given[n] + to_z[n], gc = to_c[n] + gz * (o * of_c);
                gx[n] = gc * (g * of_i);
                gx[N + n] = gc * (before[n] * of_f);
                gx[2 * N + n] = gz * (cell * of_o);
                gx[3 * N + n] = gc * (i * of_g);
                to_c[n] = f * gc;
                to_z[n] = 0;
            }
        }
        if (!all.panels) continue;
        panels.product(product.data(), all.of_currents + (t * all.B + part.begin) * G, rows);
        for (int64_t r = 0; r < rows; ++r)
            std::copy_n(product.data() + r * all.panels_stride, N, all.to_z + (part.begin + r) * N);
    }
}

}  // namespace

extern "C" {

void gates_forward(const Gates* all) {
#pragma omp parallel for num_threads(all->threads) schedule(static, 1)
    for (int64_t thread = 0; thread < all->threads; ++thread) forward(*all, Part(all->B, thread, all->threads));
}

void gates_backward(const Gates* all) {
#pragma omp parallel for num_threads(all->threads) schedule(static, 1)
    for (int64_t thread = 0; thread < all->threads; ++thread) {
        const Part part(all->B, thread, all->threads);
        if (all->spiking) backward<true>(*all, part);
        else backward<false>(*all, part);
    }
}

}  // extern "C"
