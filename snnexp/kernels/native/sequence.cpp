// Whole sequences of the LIF family. Each thread takes a part of the batch and walks all of time with it, so that no
// step waits for another thread.
//
// Shapes: T time, t steps of a piece, B batch, I inputs, N neurons.

#include "membrane.hpp"

namespace {

F* at(F* values, int64_t place) { return values ? values + place : nullptr; }

// Where the values of a part of the batch are not 0.
struct Active {
    int64_t rows, columns, found = 0;
    std::vector<int32_t> indices;
    std::vector<int64_t> counts;

    Active(int64_t rows_, int64_t columns_)
        : rows(rows_), columns(columns_), indices(rows_ * (columns_ + kSlack)), counts(rows_) {}

    const int32_t* of(int64_t row) const { return indices.data() + row * (columns + kSlack); }

    // Looks at one row; writes it as bits, too, if there is room for them.
    void look(int64_t row, const F* values, uint8_t* bits = nullptr) {
        found -= counts[row];
        counts[row] = nonzero(indices.data() + row * (columns + kSlack), values, columns, bits);
        found += counts[row];
    }

    void look(const F* values) {
        for (int64_t row = 0; row < rows; ++row) look(row, values + row * columns);
    }

    double fraction() const { return double(found) / double(std::max<int64_t>(1, rows * columns)); }
};

template <Reset reset, bool adapts, bool synapse>
struct Walk {
    const Arguments& all;
    const Membrane<reset, adapts, synapse> membrane{all};
    const int64_t B = all.B, N = all.N, bytes = (all.N + 7) / 8;
    const std::vector<F> zeros = std::vector<F>(all.N, F(0));

    // A part of the batch, all of time.
    void forward(Part part) const {
        const Table inputs{all.weight, all.weight_stride}, table{all.columns, all.columns_stride};
        const Panels panels{all.panels, N, all.panels_stride};
        const int64_t rows = part.end - part.begin;
        F* z = all.z + part.begin * N;
        std::vector<F> unseen(2 * N), weights(N), sum(std::max({N, inputs.stride, table.stride}), F(0));
        std::vector<F> product(rows * panels.stride);
        Active fired(rows, N);
        if (table.rows) fired.look(z);
        for (int64_t t = all.begin; t < all.end; ++t) {
            const bool dense = table.rows && fired.fraction() > all.often;
            if (dense) panels.product(product.data(), z, rows);
            for (int64_t r = 0; r < rows; ++r) {
                const int64_t b = part.begin + r, of_b = b * N, k = t * B + b, now = k * N;
                std::copy_n(all.currents ? all.currents + now : zeros.data(), N, sum.data());
                if (inputs.rows) inputs.add(sum.data(), all.x.of(k), all.x.values_of(k), all.x.counts[k]);
                if (dense) {
                    for (int64_t n = 0; n < N; ++n) sum[n] += product[r * panels.stride + n];
                } else if (table.rows && fired.counts[r]) {
                    for (int64_t e = 0; e < fired.counts[r]; ++e) weights[e] = z[r * N + fired.of(r)[e]];
                    table.add(sum.data(), fired.of(r), weights.data(), fired.counts[r]);
                }
                const State state{all.v + of_b, all.z + of_b, at(all.a, of_b), at(all.i, of_b)};
                F *held = all.held ? all.held + now : unseen.data(), *u = all.u ? all.u + now : unseen.data() + N;
                membrane.forward(state, sum.data(), all.b ? all.b : zeros.data(),
                                 all.noise ? all.noise + now : zeros.data(), held, u);
                if (all.spikes) std::copy_n(state.z, N, all.spikes + now);
                if (all.all_a) std::copy_n(state.a, N, all.all_a + now);
                if (all.all_i) std::copy_n(state.i, N, all.all_i + now);
                if (table.rows) fired.look(r, state.z, all.bits ? all.bits + k * bytes : nullptr);
                else if (all.bits) pack(all.bits + k * bytes, state.z, N);
            }
        }
    }

    // What comes back through the recurrence matters only where psi is not 0.
    template <bool learning>
    void backward(Part part, F* sums) const {
        const Table table{all.columns, all.columns_stride};
        const Panels panels{all.panels, N, all.panels_stride}, to_inputs{all.weight, N, all.weight_stride};
        const int64_t rows = part.end - part.begin;
        std::vector<F> left(table.stride, F(0)), spikes(N);
        std::vector<F> product(rows * panels.stride, F(0)), of_inputs(rows * to_inputs.stride);
        Active wanted(rows, N);
        for (int64_t t = all.end - 1; t >= all.begin; --t) {
            const int64_t first = ((t - all.begin) * B + part.begin) * N;  // in what is there for these steps alone
            const bool fed = table.rows && all.through_recurrence;
            if (fed) {
                const F* gx = t + 1 < all.end ? all.of_currents + first + B * N : all.after + part.begin * N;
                wanted.look(all.psi + first);
                if (wanted.fraction() > all.often) panels.product(product.data(), gx, rows);
                else
                    for (int64_t r = 0; r < rows; ++r) {
                        std::copy_n(gx + r * N, N, left.data());
                        table.dot(product.data() + r * panels.stride, left.data(), wanted.of(r), wanted.counts[r]);
                    }
            }
            for (int64_t r = 0; r < rows; ++r) {
                const int64_t b = part.begin + r, of_b = b * N, here = first + r * N;
                membrane.template backward<learning>(
                    kept<learning>(t, b, spikes.data()), all.psi + here,
                    all.of_spikes ? all.of_spikes + here : zeros.data(),
                    fed ? product.data() + r * panels.stride : zeros.data(),
                    State{all.of_v + of_b, all.of_z + of_b, at(all.of_a, of_b), at(all.of_i, of_b)},
                    all.of_currents + here, sums);
                if (all.of_recurrence) note(t, b);
            }
            if (all.of_x) {
                to_inputs.product(of_inputs.data(), all.of_currents + first, rows);
                F* of_x = all.of_x + ((t - all.begin) * B + part.begin) * all.I;
                for (int64_t r = 0; r < rows; ++r)
                    std::copy_n(of_inputs.data() + r * to_inputs.stride, all.I, of_x + r * all.I);
            }
        }
        if (all.after) std::copy_n(all.of_currents + part.begin * N, rows * N, all.after + part.begin * N);
    }

    // `spikes`: room for z_{t-1}, where that is asked for.
    template <bool learning>
    Kept kept(int64_t t, int64_t b, F* spikes) const {
        const int64_t k = t * B + b, now = k * N, before = now - B * N, of_b = b * N;
        const F* z1 = all.z + of_b;
        if (t && (learning || adapts || reset == PRE || reset == POST)) {
            unpack(spikes, all.bits + (k - B) * bytes, N);
            z1 = spikes;
        }
        return {t ? all.u + before : all.v + of_b,
                z1,
                t ? at(all.all_a, before) : at(all.a, of_b),
                t ? at(all.all_i, before) : at(all.i, of_b),
                at(all.held, now),
                at(all.all_a, now),
                F(t ? 1 : 0)};
    }

    // Lists z_{t-1}, for the gradient of the recurrence.
    void note(int64_t t, int64_t b) const {
        const int64_t k = (t - all.begin) * B + b;
        int32_t* indices = all.before.indices + all.before.begins[k];
        F* values = all.before.values + all.before.begins[k];
        const F* z1 = all.z + b * N;
        const int64_t count = t ? places_of(indices, all.bits + ((t - 1) * B + b) * bytes, N) : nonzero(indices, z1, N);
        for (int64_t e = 0; e < count; ++e) values[e] = t ? F(1) : z1[indices[e]];
        all.before.counts[k] = count;
    }
};

template <typename Walk>
void back(const Arguments& all) {
    const Walk walk{all};
    const int64_t steps = all.end - all.begin, of_x = all.of_weight ? Outer::panels(all.N) : 0;
    const int64_t of_z = all.of_recurrence ? Outer::panels(all.N) : 0;
    const Outer weight{all.of_weight, all.I, all.N}, recurrence{all.of_recurrence, all.N, all.N};
#pragma omp parallel num_threads(all.threads)
    {
#pragma omp for schedule(static, 1)
        for (int64_t thread = 0; thread < all.threads; ++thread) {
            const Part part(all.B, thread, all.threads);
            if (all.of_constants) walk.template backward<true>(part, all.of_constants + thread * 6 * all.N);
            else walk.template backward<false>(part, nullptr);
        }
#pragma omp for schedule(dynamic)
        for (int64_t n = 0; n < of_x + of_z; ++n) {
            if (n < of_z) recurrence.add(n, all.before, 0, all.of_currents, steps * all.B);
            else weight.add(n - of_z, all.x, all.begin * all.B, all.of_currents, steps * all.B);
        }
    }
}

template <typename Walk>
void ahead(const Arguments& all) {
    const Walk walk{all};
#pragma omp parallel for num_threads(all.threads) schedule(static, 1)
    for (int64_t thread = 0; thread < all.threads; ++thread) walk.forward(Part(all.B, thread, all.threads));
}

template <Reset reset, bool adapts, bool synapse>
void run(const Arguments& all, bool backward) {
    if (backward) back<Walk<reset, adapts, synapse>>(all);
    else ahead<Walk<reset, adapts, synapse>>(all);
}

template <Reset reset>
void run(const Arguments& all, bool backward) {
    if (all.rho && all.synaptic) run<reset, true, true>(all, backward);
    else if (all.rho) run<reset, true, false>(all, backward);
    else if (all.synaptic) run<reset, false, true>(all, backward);
    else run<reset, false, false>(all, backward);
}

void run(const Arguments& all, bool backward) {
    switch (all.reset) {
        case PRE: return run<PRE>(all, backward);
        case POST: return run<POST>(all, backward);
        case MINUS: return run<MINUS>(all, backward);
        default: return run<MINUS_IMMEDIATE>(all, backward);
    }
}

}  // namespace

extern "C" {
void forward(const Arguments* all) { run(*all, false); }
void backward(const Arguments* all) { run(*all, true); }

// How many columns a vector and a panel have, and what a list of places needs beyond itself.
int64_t lanes() { return Vector::lanes; }
int64_t panel() { return Panels::width; }
int64_t slack() { return kSlack; }
}
