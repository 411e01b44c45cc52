"""Gradients to the constants of the LIF family, once those to its variables are known."""

from snnexp.kernels.tape import Adjoint, Flow, Tape, earlier, voltages
from snnexp.neurons.membrane import Membrane, MembraneState
from snnexp.neurons.reset import Reset

# Shapes: T time, B batch, N neurons.


def gradients(
    membrane: Membrane, reset: Reset, start: MembraneState, tape: Tape, adjoint: Adjoint, flow: Flow
) -> Membrane:
    """Sums over steps and samples [N]; the table is in `snnexp.kernels.membrane.backward`."""
    z_before, v_before = earlier(start.z, tape.spikes), earlier(start.v, voltages(reset, start, tape))
    leaking = adjoint.v * (1 - z_before) if reset in (Reset.PRE, Reset.POST) else adjoint.v
    alpha_TBN, theta_TBN, later_TBN = v_before * leaking, -adjoint.u, None  # later: to the theta of the step before
    a_before = None if start.a is None or tape.a is None else earlier(start.a, tape.a)
    if flow.reset and reset is Reset.MINUS:
        theta_TBN = theta_TBN - z_before * adjoint.v
    if flow.reset and reset is Reset.MINUS_IMMEDIATE:
        alpha_TBN = alpha_TBN - membrane.threshold(a_before) * z_before * adjoint.v
        later_TBN = -membrane.alpha * z_before * adjoint.v
    rho_N = kappa_N = synaptic_N = None
    if a_before is not None and tape.a is not None and adjoint.a is not None:
        rho_N = (adjoint.a * (a_before - z_before)).sum((0, 1))
        kappa_N = (tape.a * theta_TBN + (0 if later_TBN is None else later_TBN * a_before)).sum((0, 1))
    if start.i is not None and tape.i is not None:
        i_before = earlier(start.i, tape.i)
        alpha_TBN = alpha_TBN - i_before * adjoint.d
        synaptic_N = (adjoint.x * i_before).sum((0, 1))
    theta_N = (theta_TBN if later_TBN is None else theta_TBN + later_TBN).sum((0, 1))
    b_N = None if membrane.b is None else adjoint.x.sum((0, 1))
    return Membrane(alpha_TBN.sum((0, 1)), theta_N, b_N, rho_N, kappa_N, synaptic_N)
