"""Whole sequences of the LIF family in Triton. The equations are those of `snnexp.kernels.membrane`.

A program takes some rows of the batch and walks all of time with them, so that no step waits for another program. With
a recurrence it has all neurons of its rows, block after block; without one, each block is a program of its own. The
state is in memory, so that any number of neurons fits: a step reads what the one before has written, past a barrier.

Arguments are pointers to the first of contiguous values, in the tuples of `snnexp.kernels.tape`; a part that is None is
left out of what is compiled.
"""

# Shapes: T time, B batch, N neurons; of one program R rows, C columns, K terms of a product.

import triton
import triton.language as tl


@triton.jit
def get(values, at, inside):
    return tl.load(values + at, mask=inside, other=0.0)


@triton.jit
def before(tape, first, t, step):
    """Where the values one step before t begin: on the tape, or the first state."""
    return tape + (t - 1) * step if t > 0 else first


@triton.jit
def product(sums_RC, left, right, rows, columns, B, N, K: tl.constexpr):
    """sums + left right, left [B, N], right [N, N]; in full precision, for a spike may hang on a bit."""
    for first in range(0, N, K):
        terms = first + tl.arange(0, K)
        left_RK = get(left, rows[:, None] * N + terms, (rows[:, None] < B) & (terms < N))
        right_KC = get(right, terms[:, None] * N + columns, (terms[:, None] < N) & (columns < N))
        sums_RC = tl.dot(left_RK, right_KC, sums_RC, input_precision="ieee", out_dtype=sums_RC.dtype)
    return sums_RC


@triton.jit
def forward(
    membrane, start, tape, currents, back, noise, T, B, N,
    RESET: tl.constexpr, R: tl.constexpr, C: tl.constexpr, K: tl.constexpr,
):  # fmt: skip
    """Fills the tape.  back: the transpose of the recurrence, or None.  noise: or None."""
    rows = tl.program_id(0).to(tl.int64) * R + tl.arange(0, R)
    step = tl.cast(B, tl.int64) * N
    for t in range(T):
        for block in range(tl.program_id(1), tl.cdiv(N, C), tl.num_programs(1)):
            n = block * C + tl.arange(0, C)
            at, inside = rows[:, None] * N + n, (rows[:, None] < B) & (n < N)
            now = t * step + at
            alpha, threshold = get(membrane.alpha, n, n < N), get(membrane.theta, n, n < N)
            z1 = get(before(tape.spikes, start.z, t, step), at, inside)
            v1 = get(before(tape.held, start.v, t, step), at, inside)
            if RESET == "post" and t > 0:
                v1 *= 1 - get(before(tape.spikes, start.z, t - 1, step), at, inside)
            x = get(currents, now, inside)
            if back is not None:
                x = product(x, before(tape.spikes, start.z, t, step), back, rows, n, B, N, K)
            if membrane.b is not None:
                x += get(membrane.b, n, n < N)
            drive = x
            if membrane.synaptic is not None:
                i1 = get(before(tape.i, start.i, t, step), at, inside)
                drive = (1 - alpha) * i1
                tl.store(tape.i + now, get(membrane.synaptic, n, n < N) * i1 + x, mask=inside)
            lost = threshold
            if membrane.kappa is not None:
                rho, kappa = get(membrane.rho, n, n < N), get(membrane.kappa, n, n < N)
                a1 = get(before(tape.a, start.a, t, step), at, inside)
                a = rho * a1 + (1 - rho) * z1
                lost = threshold + kappa * a1
                threshold = threshold + kappa * a
                tl.store(tape.a + now, a, mask=inside)
            if RESET == "pre":
                v = alpha * v1 * (1 - z1) + drive
            elif RESET == "post":
                v = alpha * v1 + drive
            elif RESET == "minus":
                v = alpha * v1 + drive - threshold * z1
            else:
                v = alpha * v1 + drive - alpha * lost * z1
            tl.store(tape.held + now, v, mask=inside)
            if RESET == "post":
                v *= 1 - z1
            u = v - threshold
            fired = u > 0 if noise is None else u > get(noise, now, inside)
            tl.store(tape.spikes + now, fired.to(u.dtype), mask=inside)
        tl.debug_barrier()


@triton.jit
def backward(
    membrane, start, tape, psi, of_spikes, recurrence, of_currents, adjoint, carried, T, B, N,
    RESET: tl.constexpr, THROUGH_RESET: tl.constexpr, R: tl.constexpr, C: tl.constexpr, K: tl.constexpr,
):  # fmt: skip
    """Fills of_currents and, unless None, adjoint.  of_spikes, recurrence: None where no gradient comes from there.

    carried: [2, 4, B, N], what a step gives to v, z, a and i of the one before, at t % 2; at T % 2 what the last step
    is given, in the end at 0 what the first state gets, without R^T gx_0.
    """
    rows = tl.program_id(0).to(tl.int64) * R + tl.arange(0, R)
    step = tl.cast(B, tl.int64) * N
    for past in range(T):
        t = T - 1 - past
        given, give = carried + (t + 1) % 2 * 4 * step, carried + t % 2 * 4 * step
        for block in range(tl.program_id(1), tl.cdiv(N, C), tl.num_programs(1)):
            n = block * C + tl.arange(0, C)
            at, inside = rows[:, None] * N + n, (rows[:, None] < B) & (n < N)
            now = t * step + at
            alpha, threshold = get(membrane.alpha, n, n < N), get(membrane.theta, n, n < N)
            z1 = get(before(tape.spikes, start.z, t, step), at, inside)
            gz = get(given + step, at, inside)
            if of_spikes is not None:
                gz += get(of_spikes, now, inside)
            if recurrence is not None and past > 0:
                gz = product(gz, of_currents + (t + 1) * step, recurrence, rows, n, B, N, K)
            gu = get(psi, now, inside) * gz
            gv = gu + get(given, at, inside)
            gd = gv
            to_v = alpha * gv
            if RESET == "pre" or RESET == "post":
                to_v *= 1 - z1
            if RESET == "post":
                gd = gv * (1 - z1)
            gx = gd
            if membrane.synaptic is not None:
                gx = get(given + 3 * step, at, inside)
                to_i = get(membrane.synaptic, n, n < N) * gx + (1 - alpha) * gd
                tl.store(give + 3 * step + at, to_i, mask=inside)
            tl.store(of_currents + now, gx, mask=inside)
            tl.store(give + at, to_v, mask=inside)
            to_z = tl.zeros_like(gv)
            if THROUGH_RESET:
                if membrane.kappa is not None:
                    if RESET == "minus":
                        threshold = threshold + get(membrane.kappa, n, n < N) * get(tape.a, now, inside)
                    if RESET == "minus_immediate":
                        a1 = get(before(tape.a, start.a, t, step), at, inside)
                        threshold = threshold + get(membrane.kappa, n, n < N) * a1
                if RESET == "pre":
                    to_z -= alpha * get(before(tape.held, start.v, t, step), at, inside) * gv
                elif RESET == "post":
                    to_z -= get(tape.held, now, inside) * gv
                elif RESET == "minus":
                    to_z -= threshold * gv
                else:
                    to_z -= alpha * threshold * gv
            if membrane.kappa is not None:
                rho, kappa = get(membrane.rho, n, n < N), get(membrane.kappa, n, n < N)
                ga = get(given + 2 * step, at, inside) - kappa * gu
                if THROUGH_RESET and RESET == "minus":
                    ga -= kappa * z1 * gv
                to_a = rho * ga
                if THROUGH_RESET and RESET == "minus_immediate":
                    to_a -= kappa * alpha * z1 * gv
                to_z += (1 - rho) * ga
                tl.store(give + 2 * step + at, to_a, mask=inside)
                if adjoint is not None:
                    tl.store(adjoint.a + now, ga, mask=inside)
            tl.store(give + step + at, to_z, mask=inside)
            if adjoint is not None:
                tl.store(adjoint.u + now, gu, mask=inside)
                tl.store(adjoint.v + now, gv, mask=inside)
                tl.store(adjoint.d + now, gd, mask=inside)
        tl.debug_barrier()
