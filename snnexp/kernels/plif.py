"""PLIF neurons over a whole sequence: LIF neurons with weights times 1 - alpha of the neuron that they lead to."""

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor

from snnexp.kernels import lif
from snnexp.kernels.projection import Projection
from snnexp.neurons.plif import PLIF

# Shapes: T time, B batch, N neurons.


def run(
    neuron: PLIF,
    currents: Tensor | Projection,
    recurrence_NN: Tensor | None,
    psi: Callable[[Tensor], Tensor],
    state: Any,
    noise_TBN: Tensor | None,
    detach_recurrent: bool,
    record: Sequence[str],
) -> tuple[Tensor, Any, dict[str, Tensor]]:
    """As `snnexp.kernels.lif.run`; autograd sends the gradients on, to the weights and to alpha."""
    gain_N = 1 - neuron.membrane_decay()
    if isinstance(currents, Projection):
        bias_N = None if currents.bias is None else gain_N * currents.bias
        scaled: Tensor | Projection = Projection(currents.x, gain_N.unsqueeze(1) * currents.weight, bias_N)
    else:
        scaled = gain_N * currents
    recurrence_NN = None if recurrence_NN is None else gain_N.unsqueeze(1) * recurrence_NN
    return lif.run(neuron, scaled, recurrence_NN, psi, state, noise_TBN, detach_recurrent, record)
