"""The LIF family over a whole sequence, in plain torch: the recursions that every faster kernel has to repeat."""

from typing import NamedTuple

import torch
from torch import Tensor

from snnexp.neurons.membrane import Membrane, MembraneState
from snnexp.neurons.reset import Reset

# Shapes: T time, B batch, N neurons.


class Tape(NamedTuple):
    """What a sequence leaves behind, [T, B, N] each; a, i: adaptation and synaptic current, None where there is none.

    held: the voltage that the reset leaves, v_t; with `Reset.POST` the one before it, alpha v_{t-1} + d_t, of which
    v_t = held_t (1 - z_{t-1}): a reset that passes gradients asks for what it has wiped out.
    """

    spikes: Tensor
    held: Tensor
    a: Tensor | None
    i: Tensor | None


class Given(NamedTuple):
    """Gradients that come from outside: to all spikes [T, B, N], and to v, a, i [B, N] after the last step."""

    spikes: Tensor | None
    v: Tensor | None
    a: Tensor | None
    i: Tensor | None


class Gradients(NamedTuple):
    """Gradients to the currents [T, B, N], R [N, N], the constants [N] and the first state [B, N].

    recurrence, constants: None where they were not asked for.
    """

    currents: Tensor
    recurrence: Tensor | None
    constants: Membrane | None
    start: MembraneState


class Flow(NamedTuple):
    """Where gradients flow, and which are wanted.

    reset, recurrent: through the reset, through R to earlier spikes.
    to_recurrence, to_constants: whether the gradients to R and to the constants are wanted.
    """

    reset: bool
    recurrent: bool
    to_recurrence: bool
    to_constants: bool


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
    alpha, theta, b, rho, kappa, synaptic = membrane
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
        if i_TBN is not None:
            assert synaptic is not None and i is not None
            drive, i = (1 - alpha) * i, torch.add(synaptic * i, drive, out=i_TBN[t])
        if a_TBN is not None:
            assert rho is not None and kappa is not None and a is not None
            lost = theta + kappa * a
            a = torch.add(rho * a, (1 - rho) * z, out=a_TBN[t])
            threshold = theta + kappa * a
        match reset:
            case Reset.PRE:
                v = torch.add(alpha * v * (1 - z), drive, out=held)
            case Reset.POST:
                v = torch.add(alpha * v, drive, out=held) * (1 - z)
            case Reset.MINUS:
                v = torch.sub(alpha * v + drive, threshold * z, out=held)
            case Reset.MINUS_IMMEDIATE:
                v = torch.sub(alpha * v + drive, alpha * lost * z, out=held)
        z = torch.gt(v - threshold, 0 if noise_TBN is None else noise_TBN[t], out=fired)
    return Tape(spikes_TBN, held_TBN, a_TBN, i_TBN)


def earlier(first_BN: Tensor, all_TBN: Tensor) -> Tensor:
    """The same one step earlier, from the first state on, [T, B, N]."""
    return torch.cat((first_BN.unsqueeze(0), all_TBN[:-1]))


def voltages(reset: Reset, start: MembraneState, tape: Tape) -> Tensor:
    """The voltages v_t [T, B, N]."""
    return tape.held * (1 - earlier(start.z, tape.spikes)) if reset is Reset.POST else tape.held


def centred(membrane: Membrane, v_TBN: Tensor, tape: Tape) -> Tensor:
    """The centred voltages u_t = v_t - theta_t [T, B, N], of which psi is taken."""
    if tape.a is None:
        return v_TBN - membrane.theta
    return v_TBN - (membrane.theta + membrane.kappa * tape.a)


def backward(
    membrane: Membrane,
    reset: Reset,
    recurrence_NN: Tensor | None,
    start: MembraneState,
    tape: Tape,
    psi_TBN: Tensor,
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
        alpha     k_t / alpha v_{t-1} gv_t {- theta_{t-1} z_{t-1} gv_t in minus_immediate}; with a synapse - i_{t-1} gd_t

    psi_TBN: psi of `centred`.  Source: backpropagation through time of `Membrane`, [D]erived.
    """
    alpha, theta, _, rho, kappa, synaptic = membrane
    v_TBN = voltages(reset, start, tape)
    gated = reset in (Reset.PRE, Reset.POST)
    gu_TBN = torch.zeros_like(psi_TBN) if given.spikes is None else psi_TBN * given.spikes
    gv_TBN = torch.empty_like(gu_TBN)
    gx_TBN = torch.empty_like(gu_TBN) if tape.i is not None or reset is Reset.POST else gv_TBN
    ga_TBN = None if tape.a is None else torch.empty_like(gu_TBN)
    zeros_BN = torch.zeros_like(start.v)
    to_z: Tensor | None = None  # what gz_t has from step t + 1; likewise the others
    to_v, to_a, to_i = given.v, given.a, given.i
    if tape.a is not None:
        to_a = zeros_BN if to_a is None else to_a
    if tape.i is not None:
        to_i = zeros_BN if to_i is None else to_i
    for t in reversed(range(len(gu_TBN))):
        z_before = tape.spikes[t - 1] if t else start.z
        v_before = v_TBN[t - 1] if t else start.v
        gu, gv = gu_TBN[t], gv_TBN[t]
        if to_z is not None:
            gu.addcmul_(psi_TBN[t], to_z)
        torch.add(gu, zeros_BN if to_v is None else to_v, out=gv)
        kept = 1 - z_before if gated else None
        gd = gv * kept if reset is Reset.POST and kept is not None else gv
        to_v = alpha * (gv if kept is None else gv * kept)

        gx = gd
        if to_i is not None:
            assert synaptic is not None
            gx = to_i
            to_i = synaptic * gx + (1 - alpha) * gd
        if gx_TBN is not gv_TBN:
            gx_TBN[t] = gx
        to_z = gx @ recurrence_NN if recurrence_NN is not None and flow.recurrent else None

        wiped = None  # -r_t
        lost_a = None  # what a_{t-1} gets of the theta_{t-1} that a spike costs
        if flow.reset:
            match reset:
                case Reset.PRE:
                    wiped = alpha * v_before
                case Reset.POST:
                    wiped = tape.held[t]
                case Reset.MINUS:
                    wiped = theta if tape.a is None else theta + kappa * tape.a[t]
                case Reset.MINUS_IMMEDIATE:
                    a_before = None if tape.a is None else tape.a[t - 1] if t else start.a
                    wiped = alpha * (theta if a_before is None else theta + kappa * a_before)
                    lost_a = None if a_before is None else -kappa * alpha * z_before * gv
        if wiped is not None:
            cost = wiped * gv
            to_z = -cost if to_z is None else to_z - cost
        if to_a is not None and ga_TBN is not None:
            through = gu + z_before * gv if flow.reset and reset is Reset.MINUS else gu
            ga = torch.sub(to_a, kappa * through, out=ga_TBN[t])
            to_a = rho * ga if lost_a is None else rho * ga + lost_a
            to_z = (1 - rho) * ga if to_z is None else to_z + (1 - rho) * ga

    first = MembraneState(zeros_BN if to_v is None else to_v, zeros_BN if to_z is None else to_z, to_a, to_i)
    of_recurrence = None
    if flow.to_recurrence:
        of_recurrence = gx_TBN[1:].flatten(0, 1).t() @ tape.spikes[:-1].flatten(0, 1) + gx_TBN[0].t() @ start.z
    constants = None
    if flow.to_constants:
        constants = _constants(membrane, reset, start, tape, v_TBN, gu_TBN, gv_TBN, gx_TBN, ga_TBN, flow)
    return Gradients(gx_TBN, of_recurrence, constants, first)


def _constants(
    membrane: Membrane,
    reset: Reset,
    start: MembraneState,
    tape: Tape,
    v_TBN: Tensor,
    gu_TBN: Tensor,
    gv_TBN: Tensor,
    gx_TBN: Tensor,
    ga_TBN: Tensor | None,
    flow: Flow,
) -> Membrane:
    """The gradients to the constants, from those to the variables; the table of `backward`."""
    alpha, theta, b, rho, kappa, synaptic = membrane
    z_before, v_before = earlier(start.z, tape.spikes), earlier(start.v, v_TBN)
    gated = gv_TBN * (1 - z_before) if reset in (Reset.PRE, Reset.POST) else gv_TBN
    of_alpha = v_before * gated
    of_theta = -gu_TBN
    of_kappa = None if tape.a is None else of_theta * tape.a
    a_before = None if tape.a is None or start.a is None else earlier(start.a, tape.a)
    if flow.reset and reset is Reset.MINUS:
        cost = z_before * gv_TBN
        of_theta = of_theta - cost
        of_kappa = None if of_kappa is None else of_kappa - cost * tape.a
    if flow.reset and reset is Reset.MINUS_IMMEDIATE:
        cost = z_before * gv_TBN
        lost = theta if a_before is None else theta + kappa * a_before
        of_alpha = of_alpha - lost * cost
        of_theta = of_theta - alpha * cost
        of_kappa = None if of_kappa is None else of_kappa - alpha * cost * a_before
    of_synaptic = None
    if start.i is not None and tape.i is not None:
        i_before = earlier(start.i, tape.i)
        of_synaptic = (gx_TBN * i_before).sum((0, 1))
        of_alpha = of_alpha - i_before * (gated if reset is Reset.POST else gv_TBN)
    return Membrane(
        of_alpha.sum((0, 1)),
        of_theta.sum((0, 1)),
        None if b is None else gx_TBN.sum((0, 1)),
        None if ga_TBN is None or a_before is None else (ga_TBN * (a_before - z_before)).sum((0, 1)),
        None if of_kappa is None else of_kappa.sum((0, 1)),
        of_synaptic,
    )
