// The equations of snnexp/kernels/membrane.py for one sample at one step.
//
// Shapes: T time, t steps of a piece, B batch, I inputs, N neurons.
#pragma once

#include "spikes.hpp"

namespace {

enum Reset : int64_t { PRE, POST, MINUS, MINUS_IMMEDIATE };

// What a call is given; membrane.py mirrors it. Pointers marked ? may be null.
struct Arguments {
    int64_t begin, end, B, N, I, threads, reset;  // the steps to walk, [begin, end) of those that are kept
    int64_t through_reset, through_recurrence;    // whether gradients flow there
    double often;                                 // active fraction above which a dense product is taken
    const F *alpha, *theta, *b, *rho, *kappa, *synaptic;  // [N]; ? b; ? rho and kappa: no adaptation; ? synaptic
    const F *columns, *panels;                            // ? R^T as a table, R^T (backward: R) in panels
    int64_t columns_stride, panels_stride;
    Events x;               // ? of all steps
    const F *weight;        // ? forward: W^T as a table; backward: W in panels
    int64_t weight_stride;
    F *v, *z, *a, *i;       // forward: the state [B, N], before the first step and then after the last
    const F *currents, *noise;  // forward: ? currents [T, B, N], else those of x; ? noise
    F *spikes, *held;           // forward: ? [T, B, N]; held: the voltages before the reset `post`, else all
    uint8_t* bits;              // the spikes again, [T, B, bytes of N]
    F *u, *all_a, *all_i;       // ? centred voltages, a and i of all steps
    const F *psi, *of_spikes;   // backward: psi(u) [t, B, N]; ? gradients of the spikes [t, B, N]
    F *of_currents, *after;     // [t, B, N]; ? [B, N]: those of the step after, then those of the first step
    F *of_x;                    // ? [t, B, I]
    F *of_v, *of_z, *of_a, *of_i;  // gradients of the state: after the last step, then before the first
    F* of_constants;               // ? [threads, 6, N], added to
    F *of_weight, *of_recurrence;  // ? sums of `Outer`, added to
    Events before;                 // room for the events of z_{t-1} [t x B, N]
};

// The state of one sample, [N] each.
struct State {
    F *v, *z, *a, *i;
};

// What the forward kept of a step, and of the one before: v_{t-1} is v1 + above theta_{t-1}.
struct Kept {
    const F *v1, *z1, *a1, *i1, *held, *a;
    F above;
};

template <Reset reset, bool adapts, bool synapse>
struct Membrane {
    const Arguments& all;

    // `x`: the currents, with the recurrence. `b` and `noise` may be zeros.
    void forward(const State& state, const F* x, const F* b, const F* noise, F* held, F* u) const {
        const F *alpha = all.alpha, *theta = all.theta, *rho = all.rho, *kappa = all.kappa, *synaptic = all.synaptic;
        const auto [v, z, a, i] = state;
#pragma omp simd
        for (int64_t n = 0; n < all.N; ++n) {
            F drive = x[n] + b[n], threshold = theta[n], lost = threshold;
            if (synapse) {
                const F i1 = i[n];
                i[n] = synaptic[n] * i1 + drive;
                drive = (1 - alpha[n]) * i1;
            }
            if (adapts) {
                lost += kappa[n] * a[n];
                a[n] = rho[n] * a[n] + (1 - rho[n]) * z[n];
                threshold += kappa[n] * a[n];
            }
            F now = alpha[n] * v[n];
            if (reset == PRE) now = now * (1 - z[n]) + drive;
            if (reset == POST) now = now + drive;
            if (reset == MINUS) now = now + drive - threshold * z[n];
            if (reset == MINUS_IMMEDIATE) now = now + drive - alpha[n] * lost * z[n];
            held[n] = now;
            if (reset == POST) now *= 1 - z[n];
            v[n] = now;
            u[n] = now - threshold;
            z[n] = u[n] > noise[n] ? F(1) : F(0);
        }
    }

    // `fed`: what comes back through the recurrence. `sums` [6, N]: gradients of the constants.
    template <bool learning>
    void backward(const Kept& kept, const F* psi, const F* of_spikes, const F* fed, const State& of, F* of_current,
                  F* sums) const {
        const F *alpha = all.alpha, *theta = all.theta, *rho = all.rho, *kappa = all.kappa, *synaptic = all.synaptic;
        const auto [v1, z1, a1, i1, held, a, above] = kept;
        const auto [of_v, of_z, of_a, of_i] = of;
        const int64_t N = all.N;
        const F flow = all.through_reset ? 1 : 0;
#pragma omp simd
        for (int64_t n = 0; n < N; ++n) {
            const F gu = (of_spikes[n] + of_z[n] + fed[n]) * psi[n], gv = gu + of_v[n];
            F before = theta[n], lost = theta[n];
            if (adapts) {
                before += kappa[n] * a1[n];
                lost = reset == MINUS_IMMEDIATE ? before : lost + kappa[n] * a[n];
            }
            const F v = v1[n] + above * before;
            F gd = gv, gv1 = alpha[n] * gv, gz1 = 0, g_lost = 0, g_alpha = v * gv;
            if (reset == PRE || reset == POST) {
                const F kept = 1 - z1[n];
                gz1 = -flow * gv * (reset == PRE ? alpha[n] * v : held[n]);
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
                if (learning) g_alpha -= gd * i1[n];  // else i1 may be null
                if (learning) g_synaptic = gx * i1[n];
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
};

}  // namespace
