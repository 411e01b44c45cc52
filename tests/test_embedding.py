"""Word vectors before the first layer and after the last one."""

from collections.abc import Iterator
from functools import partial

import pytest
import torch
from torch import Tensor

from snnexp.embedding import Embedding
from snnexp.errors import OptionError
from snnexp.init import firing_rate, fluctuation, glorot, stability
from snnexp.network import Dense, Shown
from snnexp.neurons.lif import LIF
from snnexp.stability import recurrent_mean, recurrent_variance
from snnexp.surrogates import Surrogate, fast_sigmoid

SURROGATE = Surrogate(fast_sigmoid)
NEURON = partial(LIF, membrane_decay=0.5, threshold=0.05)
V, WIDTHS = 30, [12, 9]


class Words:
    def input_moments(self) -> tuple[float, float]:
        return 1 / V, 1 / V

    def train_inputs(self) -> Iterator[Tensor]:
        return iter([words()])


def words() -> Tensor:
    return torch.randint(V, (7, 4), generator=torch.Generator().manual_seed(1))


def network(**options: float) -> Embedding:
    torch.manual_seed(0)
    made = Embedding(V, V, NEURON, SURROGATE, WIDTHS, **options)  # type: ignore[arg-type]
    glorot(made, Words())
    return made


def test_the_same_vectors_before_and_after_the_layers() -> None:
    made = network()
    done = made(words())
    dense = Dense(9, V, NEURON, SURROGATE, WIDTHS, lambda inputs, classes: torch.nn.Identity())
    dense.layers.load_state_dict(made.layers.state_dict())
    seen = made.vectors[words()]
    spikes = seen
    for layer in dense.hidden:
        spikes = layer(spikes).spikes
    assert spikes.any()
    assert torch.equal(done.layers[-1].spikes, spikes)
    assert torch.allclose(done.outputs, torch.einsum("tbn,vn->tbv", spikes, made.vectors), atol=1e-6)
    assert sum(weight.shape == (V, 9) for weight in made.parameters()) == 1


def test_both_uses_teach_the_vectors() -> None:
    made = network()
    made(words()).outputs.square().sum().backward()
    unread = sorted(set(range(V)) - set(words().flatten().tolist()))
    assert made.vectors.grad is not None
    assert made.vectors.grad[unread].any()  # by the output alone
    cut = network()
    done = cut(words())
    (done.layers[-1].spikes @ cut.vectors.detach().t()).square().sum().backward()
    assert cut.vectors.grad is not None
    assert cut.vectors.grad.any()  # by the input alone
    assert not cut.vectors.grad[unread].any()


def test_vectors_are_glorot_uniform_and_what_the_first_layer_sees() -> None:
    torch.manual_seed(0)
    made = Embedding(2000, 2000, NEURON, SURROGATE, [5, 300])
    bound = (6 / 2300) ** 0.5
    assert made.vectors.abs().max().item() == pytest.approx(bound, rel=1e-4)
    assert made.vectors.var().item() == pytest.approx(2 / 2300, rel=0.01)
    mean, square = Shown(made, Words()).input_moments()
    assert mean == pytest.approx(made.vectors.mean().item())
    assert square == pytest.approx(2 / 2300, rel=0.01)
    vectors_TBN = next(Shown(made, Words()).train_inputs())
    assert torch.equal(vectors_TBN, made.vectors[words()])


def test_condition_II_asks_for_the_vectors_and_not_for_the_words() -> None:  # noqa: N802
    made = network()
    with torch.no_grad():
        promised = stability(made, Shown(made, Words()))
    mean = recurrent_mean(torch.tensor(0.5), torch.tensor(0.05), 12, made.hidden[0].neuron.reset)
    square = made.vectors.square().mean().item()
    variance = recurrent_variance(9, 12, square, 2 / (9 + 12), mean)
    assert promised[0] is not None
    assert promised[0].recurrence.variance == pytest.approx(variance.item(), rel=1e-5)


@pytest.mark.parametrize("nu", ["layerwise", "global"])
def test_rates_are_those_of_the_vectors_that_stay(nu: str) -> None:
    made = network()
    with torch.no_grad():
        promises = fluctuation(made, Shown(made, Words()), nu=nu)
    seen = made.vectors[words()] if nu == "layerwise" else made.vectors
    assert promises[0].input_rate == pytest.approx(seen.square().mean().item())
    assert made.vectors.var().item() == pytest.approx(1 / 9, rel=4.5 * (2 / (V * 9)) ** 0.5)


def test_firing_rates_are_trained_on_vectors() -> None:
    made = network(bias=True)
    with torch.no_grad():
        promises = firing_rate(made, Shown(made, Words()), target=0.3, epochs=100, lr=0.05)
    rates = [layer.spikes.mean().item() for layer in made(words()).layers]
    assert [promise.firing_rate for promise in promises] == pytest.approx(rates)
    assert rates == pytest.approx([0.3, 0.3], abs=0.05)


def test_a_dense_network_is_shown_words_as_one_input_of_all() -> None:
    torch.manual_seed(0)
    dense = Dense(V, 5, NEURON, SURROGATE, WIDTHS, lambda inputs, classes: torch.nn.Linear(inputs, classes))
    one_hot = torch.nn.functional.one_hot(words(), V).float()
    assert torch.equal(dense.shown(words()), one_hot)
    assert torch.equal(dense.shown(one_hot), one_hot)
    assert Shown(dense, Words()).input_moments() == (1 / V, 1 / V)


def test_size_of_the_published_network() -> None:
    made = Embedding(10000, 10000, NEURON, SURROGATE, [1700, 300])
    weights = sum(weight.numel() for weight in made.parameters() if weight.dim() == 2)
    assert weights == 10000 * 300 + 300 * 1700 + 1700**2 + 1700 * 300 + 300**2
    assert round(weights / 1e6, 1) == 7.0


def test_what_does_not_fit_is_named() -> None:
    with pytest.raises(OptionError, match=r"^network=embedding: needs a data set of words, such as dataset=ptb; .* 64"):
        Embedding(64, 10, NEURON, SURROGATE, WIDTHS)
    with pytest.raises(OptionError, match=r"^widths=\[\]: "):
        Embedding(V, V, NEURON, SURROGATE, [])
