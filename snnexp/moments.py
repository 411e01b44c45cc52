"""What a membrane makes of its input before it fires: integrals of its response, and the chance that it fires.

Source: Rossbroich et al. 2022, "Fluctuation-driven initialization for spiking neural network training" (the kernel
integrals of its public code, fmi-basel/stork); Micheli et al. 2024 (the firing probability).
"""

import math
from enum import StrEnum
from typing import NamedTuple

import torch
from torch import Tensor

from snnexp.errors import OptionError, require
from snnexp.neurons.cuba_lif import CubaLIF
from snnexp.neurons.neuron import Neuron

# Shapes: K steps after the pulse, N neurons (one or several axes).

LONGEST = 20_000
"""Steps after which a response that has not yet decayed is taken never to decay."""


class Kernel(StrEnum):
    """How the integrals of a response are taken.

    numeric: sums over the steps of the neuron's own equations.  analytic: integrals over continuous time.
    one: both are set to 1, as in the deep CIFAR-10 networks of Herranz-Celotti & Rouat's code.
    """

    NUMERIC = "numeric"
    ANALYTIC = "analytic"
    ONE = "one"


class Integrals(NamedTuple):
    """Sum of the response eps_k and of its square over steps k, means over the neurons of a layer.

    With inputs of independent spikes (probability nu per step, n weights of mean mu and variance s2) the voltage has,
    over time, the mean n nu mu first and the variance n nu (mu^2 + s2) square, times 1 - nu for Bernoulli spikes.
    """

    first: float
    square: float


def integrals(neuron: Neuron, kernel: Kernel = Kernel.NUMERIC, steps: int | None = None) -> Integrals:
    """The integrals of a neuron's response to a unit input, in steps; raises `OptionError` where they don't exist.

    steps: how many steps of the response count; None: all. Only a numeric kernel can be cut.
    """
    match kernel:
        case Kernel.NUMERIC:
            eps_KN = response(neuron, steps)
            return Integrals(eps_KN.sum(0).mean().item(), eps_KN.square().sum(0).mean().item())
        case Kernel.ANALYTIC:
            return _analytic(neuron)
        case Kernel.ONE:
            return Integrals(1.0, 1.0)


def response(neuron: Neuron, steps: int | None = None) -> Tensor:
    """eps_k [K, N]: the voltage k steps after a unit input, in a neuron that never fires, from its own equations.

    What the neuron does without an input (a constant current b) is subtracted. With steps = None it ends where it has
    decayed to 1e-8 of its peak. Raises `OptionError` for neurons without a voltage, or whose response never decays.
    """
    constants = neuron.constants()
    pulsed = still = neuron.initial_state(1, torch.zeros((), dtype=torch.float64))
    if not hasattr(pulsed, "v"):
        raise OptionError("neuron", type(neuron).__name__, "has no voltage: take lif, alif or cuba_lif")
    current = torch.ones_like(pulsed.v)
    eps: list[Tensor] = []
    peak = 0.0
    while steps is None or len(eps) < steps:
        pulsed = neuron.step(current, pulsed, torch.zeros_like, constants)
        still = neuron.step(torch.zeros_like(current), still, torch.zeros_like, constants)
        current = torch.zeros_like(current)
        eps.append((pulsed.v - still.v).squeeze(0))
        height = eps[-1].abs().max().item()
        peak = max(peak, height)
        if len(eps) == LONGEST or not math.isfinite(height):
            raise OptionError("steps", steps, f"the neuron's response goes on after {len(eps)} steps; give a number")
        if steps is None and len(eps) > 1 and height <= 1e-8 * peak:
            break
    return torch.stack(eps)


def _analytic(neuron: Neuron) -> Integrals:
    """tau and tau / 2 for a membrane alone; tau_s and tau_s^2 / (2 (tau_s + tau_m)) behind a synapse, unit gain."""
    constants = neuron.constants()
    if isinstance(neuron, CubaLIF):
        synapse, membrane = _time("synaptic_decay", constants.synaptic), _time("membrane_decay", constants.membrane)
        return Integrals(synapse.mean().item(), (synapse**2 / (2 * (synapse + membrane))).mean().item())
    if not hasattr(constants, "alpha"):
        raise OptionError("neuron", type(neuron).__name__, "has no formula for its response: take kernel=numeric")
    membrane = _time("membrane_decay", constants.alpha)
    return Integrals(membrane.mean().item(), membrane.mean().item() / 2)


def _time(option: str, decay: Tensor) -> Tensor:
    right = "an analytic kernel needs a decay between 0 and 1; take kernel=numeric"
    require(bool(((decay > 0) & (decay < 1)).all()), option, decay.mean().item(), right)
    return -1 / decay.double().log()


def firing_probability(theta: float, mean: float = 0.0, variance: float = 1.0) -> float:
    """Q((theta - mean) / sd): the chance that a normal voltage is above threshold."""
    return 0.5 * math.erfc((theta - mean) / math.sqrt(2 * variance))
