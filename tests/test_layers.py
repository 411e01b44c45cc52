"""One layer: its mask, its projection, the scale of its surrogate."""

from functools import partial

import pytest
import torch

from snnexp.escape import Sigmoid
from snnexp.layers import Layer, LinearOutput
from snnexp.neurons.constants import PerNeuron
from snnexp.neurons.leaky_integrator import LeakyIntegrator
from snnexp.neurons.lif import LIF
from snnexp.neurons.slstm import SLSTM
from snnexp.score import whole
from snnexp.surrogates import Surrogate, fast_sigmoid, gaussian, spike

T, B, I, N = 15, 2, 6, 5  # noqa: E741

SURROGATE = Surrogate(fast_sigmoid)


def layer(recurrent: bool = True, zero_diagonal: bool = True, detach_recurrent: bool = False) -> Layer:
    torch.manual_seed(0)
    made = Layer(
        I, N, partial(LIF, membrane_decay=0.75, threshold=1.0), SURROGATE, recurrent, zero_diagonal, detach_recurrent
    )
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter)
    return made.double()


def inputs() -> torch.Tensor:
    return torch.rand(T, B, I, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def test_zero_diagonal_neither_acts_nor_learns() -> None:
    masked, open_ = layer(), layer(zero_diagonal=False)
    assert masked.recurrent_weight is not None
    assert open_.recurrent_weight is not None
    with torch.no_grad():
        before = masked(inputs()).spikes
        masked.recurrent_weight.fill_diagonal_(1e6)
        open_.recurrent_weight.fill_diagonal_(1e6)
    assert torch.equal(masked(inputs()).spikes, before)
    assert not torch.equal(open_(inputs()).spikes, before)
    (gradient,) = torch.autograd.grad(masked(inputs()).spikes.sum(), masked.recurrent_weight)
    assert torch.equal(gradient.diagonal(), torch.zeros(N).double())
    assert gradient.any()
    assert masked.recurrence is not None
    assert torch.equal(masked.recurrence.diagonal(), torch.zeros(N).double())


def test_gates_of_an_lstm_read_their_own_output() -> None:
    made = Layer(I, N, SLSTM, SURROGATE, recurrent=True)
    assert made.mask is None
    assert made.recurrence is made.recurrent_weight
    assert made.projection.shape == (4 * N, I)


def test_one_projection_of_the_sequence_equals_one_per_step() -> None:
    made = layer()
    whole = made(inputs(), record=("v",))
    state, steps = None, []
    for x_BI in inputs():
        step = made(x_BI.unsqueeze(0), state, record=("v",))
        state = step.state
        steps.append(step)
    assert 0.02 < whole.spikes.mean() < 0.98
    assert torch.equal(torch.cat([step.spikes for step in steps]), whole.spikes)
    torch.testing.assert_close(torch.cat([step.trace["v"] for step in steps]), whole.trace["v"], rtol=1e-12, atol=1e-12)


def test_without_recurrence() -> None:
    made = layer(recurrent=False)
    assert made.recurrence is None
    assert [name for name, _ in made.named_parameters()] == ["projection"]
    assert made(inputs()).spikes.shape == (T, B, N)


def test_detach_recurrent_changes_gradients_and_not_spikes() -> None:
    flowing, cut = layer(), layer(detach_recurrent=True)
    outputs = [made(inputs()).spikes for made in (flowing, cut)]
    assert torch.equal(outputs[0], outputs[1])
    gradients = [
        torch.autograd.grad(z_TBN.sum(), made.projection)[0]
        for z_TBN, made in zip(outputs, (flowing, cut), strict=True)
    ]
    assert not torch.allclose(gradients[0], gradients[1])


def test_scale_of_the_surrogate_is_per_neuron() -> None:
    made = layer()
    made.dampening.copy_(torch.linspace(0.5, 2, N))
    made.sharpness.copy_(torch.linspace(3, 1, N))
    u = torch.randn(T, B, N, dtype=torch.float64)
    by_hand = torch.stack(
        [made.dampening[n] / (1 + 2 * (made.sharpness[n] * u[..., n]).abs()) ** 2 for n in range(N)], -1
    )
    torch.testing.assert_close(made.psi(u), by_hand, rtol=1e-12, atol=0)
    assert {"dampening", "sharpness"} <= set(made.state_dict())
    assert "mask" not in made.state_dict()


def test_escape_noise_is_drawn_anew_for_every_sequence() -> None:
    made = Layer(I, N, partial(LIF, membrane_decay=0.75, threshold=1.0), SURROGATE, escape=Sigmoid(1.0)).double()
    torch.manual_seed(3)
    first, second = made(inputs()).spikes, made(inputs()).spikes
    assert not torch.equal(first, second)
    # Weights are 0, so u = -1 everywhere: every entry fires by its own noise.
    torch.manual_seed(3)
    noise = Sigmoid(1.0)(torch.zeros(T, B, N).double())
    assert torch.equal(first, spike(-torch.ones(T, B, N).double(), gaussian, noise))


def test_a_layer_that_never_spikes_has_no_surrogate() -> None:
    made = Layer(I, N, partial(LeakyIntegrator, synaptic_decay=0.5, membrane_decay=0.75), surrogate=None)
    assert not made.spiking
    assert torch.equal(made.psi(torch.ones(3, N)), torch.zeros(3, N))
    assert made.backend_taken(torch.device("cpu")).startswith(("fused: compiled", "fused: torch (no "))
    assert made.backend_taken(torch.device("cuda")) == "fused: torch (none for cuda)"


def test_the_backend_is_that_of_the_device() -> None:
    assert layer().backend_taken(torch.device("cuda")) == "fused: torch (none for cuda)"
    assert layer().backend_taken(torch.device("cpu")).startswith(("fused: compiled", "fused: torch (no "))


def test_linear_output() -> None:
    output = LinearOutput(N, 3).double()
    torch.nn.init.normal_(output.projection)
    torch.nn.init.normal_(output.bias)
    z_TBN = torch.rand(T, B, N, dtype=torch.float64)
    done = output(z_TBN)
    expected = torch.einsum("tbn,cn->tbc", z_TBN, output.projection) + output.bias
    torch.testing.assert_close(whole(done.spikes), expected, rtol=1e-12, atol=1e-12)
    assert done.state is None


def test_a_bias_is_a_constant_current() -> None:
    bias = torch.linspace(-0.5, 0.5, N)
    neuron = partial(LIF, membrane_decay=0.75, threshold=1.0)
    with_bias = Layer(I, N, neuron, SURROGATE, bias=True).double()
    with_current = Layer(I, N, partial(neuron, current=PerNeuron(0.0)), SURROGATE).double()
    weights = torch.randn(N, I, generator=torch.Generator().manual_seed(2))
    assert with_bias.bias is not None
    assert isinstance(with_current.neuron, LIF)
    assert with_current.neuron.current is not None
    with torch.no_grad():
        with_bias.bias.copy_(bias)
        with_current.neuron.current.raw.copy_(bias)
        for made in (with_bias, with_current):
            made.projection.copy_(weights)
    spikes = with_bias(inputs()).spikes
    assert torch.equal(spikes, with_current(inputs()).spikes)
    (gradient,) = torch.autograd.grad(spikes.sum(), with_bias.bias)
    assert gradient.all()


def test_a_layer_has_a_bias_where_it_is_asked_for() -> None:
    assert layer().bias is None
    assert Layer(I, N, SLSTM, SURROGATE, bias=True).get_parameter("bias").shape == (4 * N,)


@pytest.mark.parametrize("recurrent", [True, False])
def test_weights_are_0_until_written(recurrent: bool) -> None:
    made = Layer(I, N, partial(LIF, membrane_decay=0.75, threshold=1.0), SURROGATE, recurrent, bias=True)
    assert not any(parameter.any() for parameter in made.parameters())
