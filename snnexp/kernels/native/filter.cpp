// First-order filters over whole sequences. Each thread takes a part of the batch.

#include "vectors.hpp"

namespace {

// What a call is given; filter.py mirrors it.
struct Filter {
    int64_t T, B, N, threads, reverse;  // reverse: from the last step to the first
    const F *x, *decay, *start;         // [T, B, N]; [N]; [B, N], what comes before the first step that is walked
    F* y;                               // [T, B, N]
};

void walk(const Filter& all, Part part) {
    const int64_t step = all.B * all.N, first = part.begin * all.N, size = (part.end - part.begin) * all.N;
    std::vector<F> decay(size);
    for (int64_t n = 0; n < size; ++n) decay[n] = all.decay[n % all.N];
    const F* before = all.start + first;
    for (int64_t walked = 0; walked < all.T; ++walked) {
        const int64_t now = (all.reverse ? all.T - 1 - walked : walked) * step + first;
        const F* x = all.x + now;
        F* y = all.y + now;
#pragma omp simd
        for (int64_t n = 0; n < size; ++n) y[n] = x[n] + decay[n] * before[n];
        before = y;
    }
}

}  // namespace

// y_t = x_t + decay y_{t-1}, or y_{t+1} in reverse.
extern "C" void filter(const Filter* all) {
#pragma omp parallel for num_threads(all->threads) schedule(static, 1)
    for (int64_t thread = 0; thread < all->threads; ++thread) walk(*all, Part(all->B, thread, all->threads));
}
