"""How long a neuron takes to answer."""

import torch

from snnexp.neurons.neuron import Neuron


def latency(neuron: Neuron, most: int) -> int:
    """Steps until a current changes the output: 0 in lif, 1 behind a synaptic current; `most` where it takes longer.

    Found by differentiating the neuron's own steps, with a threshold whose derivative is 1 everywhere: so it is no
    matter of values, and where it is k, no gradient of the outputs of k steps comes to the currents of those.
    """
    constants, state = neuron.constants(), neuron.initial_state(1, torch.zeros(()))
    with torch.enable_grad():
        first = current = torch.zeros(1, neuron.gates * neuron.size, requires_grad=True)
        for steps in range(most):
            state = neuron.step(current, state, lambda u: u, constants)
            if state.z.requires_grad:
                (heard,) = torch.autograd.grad(state.z.sum(), first, retain_graph=True, allow_unused=True)
                if heard is not None:
                    return steps
            current = torch.zeros_like(first)
    return most
