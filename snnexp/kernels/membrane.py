"""The LIF family over a whole sequence, in plain torch: the recursions that every faster kernel has to repeat."""

from collections.abc import Callable

import torch
from torch import Tensor

from snnexp.kernels import constants
from snnexp.kernels.tape import Adjoint, Flow, Given, Gradients, Tape, products, slopes
from snnexp.neurons.membrane import Membrane, MembraneState
from snnexp.neurons.reset import Reset

# Shapes: T time, B batch, N neurons.


def forward(
    membrane: Membrane,
    reset: Reset,
    currents_TBN: Tensor,
    recurrence_NN: Tensor | None,
    start: MembraneState,
    noise_TBN: Tensor | None,
) -> Tape:
    """The equations of `Membrane`, step by step, with the roundings of `step`; x_t = (current_t + R z_{t-1}) + b.

        pre               held_t = v_t = alpha v_{t-1} (1 - z_{t-1}) + d_t
        post              held_t = alpha v_{t-1} + d_t,   v_t = held_t (1 - z_{t-1})
        minus             held_t = v_t = alpha v_{t-1} + d_t - theta_t z_{t-1}
        minus_immediate   held_t = v_t = alpha v_{t-1} + d_t - alpha theta_{t-1} z_{t-1}

    recurrence_NN: from the second axis to the first.  noise_TBN: thresholds on u, 0 where None.
    The first z may be any real number, later ones are 0 or 1.
    """
    alpha, theta, b, rho, _, synaptic = membrane
    v, z, a, i = start
    spikes_TBN, held_TBN = torch.empty_like(currents_TBN), torch.empty_like(currents_TBN)
    a_TBN = None if a is None else torch.empty_like(currents_TBN)
    i_TBN = None if i is None else torch.empty_like(currents_TBN)
    threshold = lost = theta
    for t, (x, held, fired) in enumerate(
        zip(currents_TBN.unbind(0), held_TBN.unbind(0), spikes_TBN.unbind(0), strict=True)
    ):
        if recurrence_NN is not None:
            x = torch.addmm(x, z, recurrence_NN.t())
        drive = x if b is None else x + b
        if i_TBN is not None and i is not None and synaptic is not None:
            drive, i = (1 - alpha) * i, torch.add(synaptic * i, drive, out=i_TBN[t])
        if a_TBN is not None and a is not None and rho is not None:
            lost = membrane.threshold(a)
            a = torch.add(rho * a, (1 - rho) * z, out=a_TBN[t])
            threshold = membrane.threshold(a)
        match reset:
            case Reset.PRE:
                v = torch.add(alpha * v * (1 - z), drive, out=held)
            case Reset.POST:
                v = torch.add(alpha * v, drive, out=held) * (1 - z)
            case Reset.MINUS:
                v = torch.sub(alpha * v + drive, threshold * z, out=held)
            case Reset.MINUS_IMMEDIATE:
                v = torch.sub(alpha * v + drive, alpha * lost * z, out=held)
        # v > theta exactly where v - theta > 0: a difference of floats is 0 for equal ones only.
        z = torch.gt(*((v, threshold) if noise_TBN is None else (v - threshold, noise_TBN[t])), out=fired)
    return Tape(spikes_TBN, held_TBN, a_TBN, i_TBN)


def backward(
    membrane: Membrane,
    reset: Reset,
    recurrence_NN: Tensor | None,
    start: MembraneState,
    tape: Tape,
    psi: Callable[[Tensor], Tensor],
    given: Given,
    flow: Flow,
) -> Gradients:
    """The reverse recursion; gX_t is the gradient to X_t, with psi_t in place of dz_t / du_t.

        gz_t = given.spikes_t + [R^T gx_{t+1}] + {r_{t+1} gv_{t+1}} + (1 - rho) ga_{t+1}
        gu_t = psi_t gz_t
        gv_t = gu_t + k_{t+1} gv_{t+1}                       (+ given.v after the last step)
        ga_t = rho ga_{t+1} + kappa gtheta_t                 (+ given.a)
        gi_t = synaptic gi_{t+1} + (1 - alpha) gd_{t+1}      (+ given.i)
        gx_t = gi_t with a synapse, else gd_t                this is also the gradient to current_t

    with, where w_t = alpha v_{t-1} + d_t is what `post` holds,

                          k_t                    gd_t                   r_t
        pre               alpha (1 - z_{t-1})    gv_t                   -alpha v_{t-1}
        post              alpha (1 - z_{t-1})    gv_t (1 - z_{t-1})     -w_t
        minus             alpha                  gv_t                   -theta_t
        minus_immediate   alpha                  gv_t                   -alpha theta_{t-1}

        gtheta_t = -gu_t,   in minus {- z_{t-1} gv_t},   in minus_immediate {- alpha z_t gv_{t+1}}

    [.] where `flow.recurrent`, {.} where `flow.reset`. The first state gets k_0 gv_0, the terms of gz_{-1} after
    given.spikes, rho ga_0 {- kappa alpha z_{-1} gv_0 in minus_immediate}, and synaptic gi_0 + (1 - alpha) gd_0. R
    gets sum_t gx_t z_{t-1}^T, one product of matrices after the recursion, and the constants, summed over t and B,

        b         gx_t
        theta     gtheta_t, {and to theta_{-1}: -alpha z_{-1} gv_0 in minus_immediate}
        kappa     gtheta_t a_t, likewise
        rho       ga_t (a_{t-1} - z_{t-1})
        synaptic  gi_t i_{t-1}
        alpha     (k_t / alpha) v_{t-1} gv_t,   {- theta_{t-1} z_{t-1} gv_t in minus_immediate},
                  - i_{t-1} gd_t with a synapse

    psi: taken of `centred`, for some steps at a time where a kernel likes.
    Source: backpropagation through time of `Membrane`, [D]erived.
    """
    alpha, _, _, rho, kappa, synaptic = membrane
    gv_TBN = torch.empty_like(tape.held)
    gd_TBN = torch.empty_like(tape.held) if reset is Reset.POST else gv_TBN
    gx_TBN = gd_TBN if synaptic is None else torch.empty_like(tape.held)
    ga_TBN = None if kappa is None else torch.empty_like(tape.held)
    gu_TBN = torch.empty_like(tape.held) if flow.to_constants else None  # else nothing needs it after its step
    zeros_BN = torch.zeros_like(start.v)
    coupled = (recurrence_NN is not None and flow.recurrent) or flow.reset or kappa is not None
    # What the variables of step t get from step t + 1; of the first state, after the loop.
    to_z, to_v = zeros_BN, zeros_BN if given.v is None else given.v
    to_a, to_i = zeros_BN if given.a is None else given.a, zeros_BN if given.i is None else given.i
    for t, psi_BN in zip(reversed(range(len(tape.held))), slopes(membrane, reset, start, tape, psi), strict=True):
        z_before = tape.spikes[t - 1] if t else start.z
        a_before = None if tape.a is None else tape.a[t - 1] if t else start.a
        gz = to_z if given.spikes is None else given.spikes[t] + to_z if coupled else given.spikes[t]
        gu = torch.mul(psi_BN, gz, out=None if gu_TBN is None else gu_TBN[t])
        gv = gd = torch.add(gu, to_v, out=gv_TBN[t])
        if reset is Reset.POST:
            gd = torch.mul(gv, 1 - z_before, out=gd_TBN[t])
        to_v = alpha * (gv * (1 - z_before) if reset is Reset.PRE else gd)
        gx = gd
        if synaptic is not None:
            gx = gx_TBN[t].copy_(to_i)
            to_i = synaptic * gx + (1 - alpha) * gd
        to_z = gx @ recurrence_NN if recurrence_NN is not None and flow.recurrent else zeros_BN
        if flow.reset:
            match reset:
                case Reset.PRE:
                    wiped = alpha * (tape.held[t - 1] if t else start.v)
                case Reset.POST:
                    wiped = tape.held[t]
                case Reset.MINUS:
                    wiped = membrane.threshold(None if tape.a is None else tape.a[t])
                case Reset.MINUS_IMMEDIATE:
                    wiped = alpha * membrane.threshold(a_before)
            to_z = torch.addcmul(to_z, wiped, gv, value=-1)
        if ga_TBN is not None and rho is not None and kappa is not None:
            crossed = z_before * gv if flow.reset else zeros_BN
            ga = torch.sub(to_a, kappa * (gu + crossed if reset is Reset.MINUS else gu), out=ga_TBN[t])
            to_a = rho * ga - (kappa * alpha * crossed if reset is Reset.MINUS_IMMEDIATE else 0)
            to_z = to_z + (1 - rho) * ga

    of_constants = None
    if gu_TBN is not None:
        adjoint = Adjoint(gu_TBN, gv_TBN, gd_TBN, gx_TBN, ga_TBN)
        of_constants = constants.gradients(membrane, reset, start, tape, adjoint, flow)
    return Gradients(
        gx_TBN,
        products(gx_TBN, start.z, tape.spikes) if flow.to_recurrence else None,
        of_constants,
        MembraneState(to_v, to_z, None if tape.a is None else to_a, None if tape.i is None else to_i),
    )
