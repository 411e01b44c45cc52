// Whole sequences of the LIF family. Each thread takes a part of the batch and walks all of time with it, so that no
// step waits for another thread. The equations are those of snnexp/kernels/membrane.py.
//
// Shapes: T time, B batch, N neurons.

#include "vectors.hpp"

namespace {

enum Reset : int64_t { PRE, POST, MINUS, MINUS_IMMEDIATE };

// What a call is given; membrane.py mirrors it. Pointers marked ? may be null.
struct Arguments {
    int64_t T, B, N, threads, reset;
    int64_t through_reset, through_recurrence;       // whether gradients flow there
    double often;                                    // active fraction above which a dense product is taken
    const F *alpha, *theta, *b, *rho, *kappa, *synaptic;  // [N]; ? b; ? rho and kappa: no adaptation; ? synaptic
    const F *columns, *panels;                       // ? R^T as a table, R^T (backward: R) in panels
    int64_t columns_stride, panels_stride;
    const F *v_start, *z_start, *a_start, *i_start;  // the state before the first step [B, N]
    F *spikes, *held, *a, *i, *u;                    // [T, B, N]; ? u: forward, the centred voltages
    const F *currents, *noise;                       // forward: [T, B, N], ? noise
    const F *psi, *of_spikes;                        // backward: psi(u); ? gradients of all spikes
    F* of_currents;                                  // [T, B, N]
    F *of_v, *of_z, *of_a, *of_i;                    // gradients of the state: after the last step, then before the first
    F* of_constants;                                 // ? [threads, 6, N], added to
};

// The values of one row b at one time t, and one step before; `z2` is z_{t-2}, or 0 where held1 is no held voltage.
struct Row {
    const F *held1, *z2, *z1, *a1, *i1;
    F *z, *held, *a, *i;

    Row(const Arguments& all, int64_t t, int64_t b, const F* zeros) {
        const int64_t now = (t * all.B + b) * all.N, before = now - all.B * all.N, at = b * all.N;
        held1 = t ? all.held + before : all.v_start + at;
        z2 = t > 1 ? all.spikes + before - all.B * all.N : t ? all.z_start + at : zeros;
        z1 = t ? all.spikes + before : all.z_start + at;
        a1 = !all.rho ? zeros : t ? all.a + before : all.a_start + at;
        i1 = !all.synaptic ? zeros : t ? all.i + before : all.i_start + at;
        z = all.spikes + now, held = all.held + now;
        a = all.rho ? all.a + now : nullptr, i = all.synaptic ? all.i + now : nullptr;
    }
};

// Where the values of a part of the batch are not 0.
struct Active {
    int64_t rows, columns;
    std::vector<int32_t> indices;
    std::vector<int64_t> counts;

    Active(int64_t rows_, int64_t columns_)
        : rows(rows_), columns(columns_), indices(rows_ * (columns_ + kSlack)), counts(rows_) {}

    const int32_t* of(int64_t row) const { return indices.data() + row * (columns + kSlack); }

    // Looks at values [rows, columns], and returns the fraction that is not 0.
    double find(const F* values) {
        int64_t all = 0;
        for (int64_t r = 0; r < rows; ++r) {
            counts[r] = nonzero(indices.data() + r * (columns + kSlack), values + r * columns, columns);
            all += counts[r];
        }
        return double(all) / double(std::max<int64_t>(1, rows * columns));
    }
};

template <Reset reset, bool adapts, bool synapse>
struct Membrane {
    const Arguments& all;

    // `x`: the currents, with the recurrence. `b` and `noise` may be zeros.
    void forward(const Row& row, const F* x, const F* b, const F* noise, F* u) const {
        const F *alpha = all.alpha, *theta = all.theta, *rho = all.rho, *kappa = all.kappa, *synaptic = all.synaptic;
        const auto [held1, z2, z1, a1, i1, z, held, a, i] = row;
#pragma omp simd
        for (int64_t n = 0; n < all.N; ++n) {
            F drive = x[n] + b[n], threshold = theta[n], lost = threshold;
            if (synapse) {
                i[n] = synaptic[n] * i1[n] + drive;
                drive = (1 - alpha[n]) * i1[n];
            }
            if (adapts) {
                lost += kappa[n] * a1[n];
                const F adaptation = rho[n] * a1[n] + (1 - rho[n]) * z1[n];
                threshold += kappa[n] * adaptation;
                a[n] = adaptation;
            }
            F v = alpha[n] * held1[n];
            if (reset == PRE) v = v * (1 - z1[n]) + drive;
            if (reset == POST) v = v * (1 - z2[n]) + drive;
            if (reset == MINUS) v = v + drive - threshold * z1[n];
            if (reset == MINUS_IMMEDIATE) v = v + drive - alpha[n] * lost * z1[n];
            held[n] = v;
            if (reset == POST) v *= 1 - z1[n];
            u[n] = v - threshold;
            z[n] = u[n] > noise[n] ? F(1) : F(0);
        }
    }

    // `fed`: what comes back through the recurrence. `sums` [6, N]: gradients of the constants.
    template <bool learning>
    void backward(const Row& row, const F* psi, const F* of_spikes, const F* fed, F* of_v, F* of_z, F* of_a, F* of_i,
                  F* of_current, F* sums) const {
        const F *alpha = all.alpha, *theta = all.theta, *rho = all.rho, *kappa = all.kappa, *synaptic = all.synaptic;
        const auto [held1, z2, z1, a1, i1, z, held, a, i] = row;
        const int64_t N = all.N;
        const F flow = all.through_reset ? 1 : 0;
#pragma omp simd
        for (int64_t n = 0; n < N; ++n) {
            const F v1 = reset == POST ? held1[n] * (1 - z2[n]) : held1[n], kept = 1 - z1[n];
            const F gu = (of_spikes[n] + of_z[n] + fed[n]) * psi[n], gv = gu + of_v[n];
            F lost = theta[n];
            if (adapts) lost += kappa[n] * (reset == MINUS_IMMEDIATE ? a1[n] : a[n]);
            F gd = gv, gv1 = alpha[n] * gv, gz1 = 0, g_lost = 0, g_alpha = v1 * gv;
            if (reset == PRE || reset == POST) {
                gz1 = -flow * gv * (reset == PRE ? alpha[n] * v1 : held[n]);
                gv1 *= kept;
                g_alpha *= kept;
                if (reset == POST) gd *= kept;
            } else {
                const F leak = reset == MINUS ? F(1) : alpha[n];
                gz1 = -flow * leak * lost * gv;
                g_lost = -flow * leak * z1[n] * gv;
                if (reset == MINUS_IMMEDIATE) g_alpha -= flow * lost * z1[n] * gv;
            }
            F g_rho = 0, g_kappa = 0, g_synaptic = 0, gx = gd;
            if (adapts) {
                const F g_threshold = reset == MINUS_IMMEDIATE ? -gu : g_lost - gu;
                const F ga = of_a[n] + kappa[n] * g_threshold;
                gz1 += (1 - rho[n]) * ga;
                g_rho = ga * (a1[n] - z1[n]);
                g_kappa = g_threshold * a[n];
                of_a[n] = rho[n] * ga;
                if (reset == MINUS_IMMEDIATE) {
                    of_a[n] += kappa[n] * g_lost;
                    g_kappa += g_lost * a1[n];
                }
            }
            if (synapse) {
                gx = of_i[n];
                g_alpha -= gd * i1[n];
                g_synaptic = gx * i1[n];
                of_i[n] = synaptic[n] * gx + (1 - alpha[n]) * gd;
            }
            of_current[n] = gx;
            of_v[n] = gv1;
            of_z[n] = gz1;
            if (learning) {
                sums[n] += g_alpha;
                sums[N + n] += g_lost - gu;
                sums[2 * N + n] += gx;
                if (adapts) sums[3 * N + n] += g_rho;
                if (adapts) sums[4 * N + n] += g_kappa;
                if (synapse) sums[5 * N + n] += g_synaptic;
            }
        }
    }

    // A part of the batch, all of time.
    void forward(Part part) const {
        const Table table{all.columns, all.columns_stride};
        const Panels panels{all.panels, all.N, all.panels_stride};
        const int64_t N = all.N, rows = part.end - part.begin;
        const std::vector<F> zeros(N, F(0));
        std::vector<F> unseen(N), sum(table.stride, F(0)), weights(N), product(rows * panels.stride);
        Active fired(rows, N);
        for (int64_t t = 0; t < all.T; ++t) {
            const F* z1 = (t ? all.spikes + (t - 1) * all.B * N : all.z_start) + part.begin * N;
            bool dense = false;
            if (table.rows) {
                dense = fired.find(z1) > all.often;
                if (dense) panels.product(product.data(), z1, rows);
            }
            for (int64_t r = 0; r < rows; ++r) {
                const int64_t b = part.begin + r, now = (t * all.B + b) * N;
                const F* x = all.currents + now;
                if (dense) {
                    for (int64_t n = 0; n < N; ++n) sum[n] = x[n] + product[r * panels.stride + n];
                    x = sum.data();
                } else if (table.rows && fired.counts[r]) {
                    std::copy_n(x, N, sum.data());
                    for (int64_t e = 0; e < fired.counts[r]; ++e) weights[e] = z1[r * N + fired.of(r)[e]];
                    table.add(sum.data(), fired.of(r), weights.data(), fired.counts[r]);
                    x = sum.data();
                }
                forward(Row(all, t, b, zeros.data()), x, all.b ? all.b : zeros.data(),
                        all.noise ? all.noise + now : zeros.data(), all.u ? all.u + now : unseen.data());
            }
        }
    }

    // What comes back through the recurrence matters only where psi is not 0.
    template <bool learning>
    void backward(Part part, F* sums) const {
        const Table table{all.columns, all.columns_stride};
        const Panels panels{all.panels, all.N, all.panels_stride};
        const int64_t N = all.N, rows = part.end - part.begin, whole = all.B * N;
        const std::vector<F> zeros(N, F(0));
        std::vector<F> left(table.stride, F(0)), product(rows * panels.stride, F(0));
        Active wanted(rows, N);
        for (int64_t t = all.T - 1; t >= 0; --t) {
            const F* psi = all.psi + t * whole + part.begin * N;
            const bool fed = table.rows && all.through_recurrence && t + 1 < all.T;
            if (fed) {
                const F* gx = all.of_currents + (t + 1) * whole + part.begin * N;
                if (wanted.find(psi) > all.often) {
                    panels.product(product.data(), gx, rows);
                } else {
                    for (int64_t r = 0; r < rows; ++r) {
                        std::copy_n(gx + r * N, N, left.data());
                        table.dot(product.data() + r * panels.stride, left.data(), wanted.of(r), wanted.counts[r]);
                    }
                }
            }
            for (int64_t r = 0; r < rows; ++r) {
                const int64_t b = part.begin + r, now = t * whole + b * N, at = b * N;
                backward<learning>(Row(all, t, b, zeros.data()), psi + r * N,
                                   all.of_spikes ? all.of_spikes + now : zeros.data(),
                                   fed ? product.data() + r * panels.stride : zeros.data(), all.of_v + at, all.of_z + at,
                                   adapts ? all.of_a + at : nullptr, synapse ? all.of_i + at : nullptr,
                                   all.of_currents + now, sums);
            }
        }
    }
};

template <Reset reset, bool adapts, bool synapse>
void walk(const Arguments& all, bool back) {
    const Membrane<reset, adapts, synapse> membrane{all};
#pragma omp parallel for num_threads(all.threads) schedule(static, 1)
    for (int64_t thread = 0; thread < all.threads; ++thread) {
        const Part part(all.B, thread, all.threads);
        F* sums = all.of_constants ? all.of_constants + thread * 6 * all.N : nullptr;
        if (!back) membrane.forward(part);
        else if (sums) membrane.template backward<true>(part, sums);
        else membrane.template backward<false>(part, sums);
    }
}

template <Reset reset>
void walk(const Arguments& all, bool back) {
    if (all.rho && all.synaptic) walk<reset, true, true>(all, back);
    else if (all.rho) walk<reset, true, false>(all, back);
    else if (all.synaptic) walk<reset, false, true>(all, back);
    else walk<reset, false, false>(all, back);
}

void walk(const Arguments& all, bool back) {
    switch (all.reset) {
        case PRE: return walk<PRE>(all, back);
        case POST: return walk<POST>(all, back);
        case MINUS: return walk<MINUS>(all, back);
        default: return walk<MINUS_IMMEDIATE>(all, back);
    }
}

}  // namespace

extern "C" {
void forward(const Arguments* all) { walk(*all, false); }
void backward(const Arguments* all) { walk(*all, true); }

// How many columns a vector and a panel have, and what a list of places needs beyond itself.
int64_t lanes() { return Vector::lanes; }
int64_t panel() { return Panels::width; }
int64_t slack() { return kSlack; }
}
