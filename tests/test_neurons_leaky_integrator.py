"""The leaky integrator: a membrane without threshold."""

import pytest
import torch

from snnexp.neurons.leaky_integrator import LeakyIntegrator
from snnexp.surrogates import arctan
from snnexp.unroll import unroll


def test_steps_by_hand() -> None:
    currents_TBG = torch.tensor([4.0, 0.0, 2.0, 0.0], dtype=torch.float64).view(4, 1, 1)
    output = unroll(LeakyIntegrator(1, 0.5, 0.75).double(), currents_TBG, None, arctan, record=("i",))
    assert output.trace["i"].flatten().tolist() == [4, 2, 3, 1.5]
    assert output.spikes.flatten().tolist() == [0, 1, 1.25, 1.6875]


@pytest.mark.parametrize(("synaptic", "membrane"), [(0.0, 0.875), (0.75, 0.9375)])
def test_constant_input_settles_at_the_gain_of_the_synapse(synaptic: float, membrane: float) -> None:
    currents_TBG = torch.full((1000, 1, 1), -3.0, dtype=torch.float64)
    output = unroll(LeakyIntegrator(1, synaptic, membrane).double(), currents_TBG, None, arctan)
    assert output.spikes[-1].item() == pytest.approx(-3.0 / (1 - synaptic), rel=1e-9)


def test_is_linear() -> None:
    x, y = torch.randn(2, 30, 2, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    neuron = LeakyIntegrator(3, 0.5, 0.75).double()
    whole, *parts = [unroll(neuron, currents, None, arctan).spikes for currents in (x + 2 * y, x, 2 * y)]
    torch.testing.assert_close(whole, sum(parts), rtol=1e-12, atol=1e-12)


def test_decays_from_where_it_starts() -> None:
    output = unroll(LeakyIntegrator(2, 0.5, 0.75, -1e-3).double(), torch.zeros(4, 3, 2).double(), None, arctan)
    expected_T = -1e-3 * 0.75 ** torch.arange(1, 5, dtype=torch.float64)
    torch.testing.assert_close(output.spikes, expected_T.view(4, 1, 1).expand(4, 3, 2), rtol=1e-12, atol=0)
