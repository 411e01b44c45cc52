"""When a batch is learned from: burn-in, pieces, and what is refused."""

import io
from pathlib import Path
from typing import Any

import pytest
import torch
from rich.console import Console
from torch import Tensor

from snnexp.carry import Carry
from snnexp.config import explain
from snnexp.errors import OptionError
from snnexp.learning import Learning, Piece
from snnexp.network import Network
from snnexp.results import RunFolder
from snnexp.run import Parts, execute
from tests.runs import SMALL, composed

T, B, CHANNELS = 7, 2, 3
CUBA = ["neuron=cuba_lif", "neuron.threshold.mean=0.01"]  # so low that it spikes
RAMP = torch.arange(T * B * CHANNELS, dtype=torch.float32).view(T, B, CHANNELS)


def trained(outputs: Path, *words: str) -> dict[str, Any]:
    result = execute(
        composed([*SMALL, "dataset.train_samples=64", f"paths.outputs={outputs}", *words]), Console(file=io.StringIO())
    )
    metrics: dict[str, Any] = result["metrics"]
    return metrics


def test_pieces_are_the_sequence_in_order() -> None:
    whole = Piece(RAMP, torch.tensor([1, 0]))
    first, rest = Learning(every=2, burn_in=2).begin(whole)
    assert first is not None
    pieces = Learning(every=2, burn_in=2).pieces(rest)
    assert [len(piece.inputs) for piece in pieces] == [2, 2, 1]  # type: ignore[arg-type]
    assert torch.equal(torch.cat([first, *(piece.inputs for piece in pieces)]), RAMP)  # type: ignore[list-item]
    assert all(piece.targets is whole.targets for piece in pieces)
    assert Learning().begin(whole) == (None, whole)
    assert Learning().pieces(whole) == [whole]


def test_a_last_piece_that_teaches_nothing_is_refused() -> None:
    whole = Piece(RAMP, torch.tensor([1, 0]))
    with pytest.raises(OptionError, match="every=2: the last piece of 7 steps would have 1, where 2 are the fewest to"):
        Learning(every=2).pieces(whole, 2)
    assert len(Learning(every=5).pieces(whole, 2)) == 2


def test_targets_of_steps_stay_with_their_steps() -> None:
    steps_TB = torch.arange(T * B).view(T, B)
    _, rest = Learning(every=3, burn_in=1).begin(Piece(RAMP, steps_TB))
    targets = [piece.targets for piece in Learning(every=3, burn_in=1).pieces(rest)]
    assert [part.tolist() for part in targets] == [steps_TB[1:4].tolist(), steps_TB[4:].tolist()]


@pytest.mark.parametrize(("every", "burn_in"), [(0, 0), (None, -1)])
def test_what_cannot_be_is_refused(every: int | None, burn_in: int) -> None:
    with pytest.raises(OptionError, match=r"every=0: must be at least 1|burn_in=-1: must not be negative"):
        Learning(every, burn_in)


def test_a_burn_in_must_leave_something() -> None:
    with pytest.raises(OptionError, match="burn_in=7: leaves none of 7 steps"):
        Learning(burn_in=T).begin(Piece(RAMP, torch.zeros(B)))


def test_one_piece_is_the_whole_sequence(tmp_path: Path) -> None:
    words = ["network/output=linear", "trainer.max_epochs=1"]
    assert trained(tmp_path, *words) == trained(tmp_path, *words, "learning=online", "learning.every=12")


def still(network: Network, x_TBI: Tensor, every: int) -> set[str]:
    """The weights that have no gradient at all when a network learns from pieces of so many steps."""
    carry, moved = Carry(network, on=True), set[str]()
    for piece in torch.split(x_TBI, every):
        output = network(piece, carry.state)
        carry.keep(output.state)
        loss = torch.stack([read.square().sum() for read in (*output.local, output.outputs)]).sum()
        if loss.requires_grad:
            found = torch.autograd.grad(loss, list(network.parameters()), allow_unused=True)
            named = zip(dict(network.named_parameters()), found, strict=True)
            moved |= {name for name, gradient in named if gradient is not None and bool(gradient.any())}
    return {name for name, _ in network.named_parameters()} - moved


@pytest.mark.parametrize(
    ("words", "least"),
    [
        ([], 2),
        (["network/output=linear"], 1),
        (["network/output=linear", *CUBA], 3),
        ([*CUBA, "network.time_repeat=2"], 2),
        (["network=decolle"], 1),
        (["network=decolle", *CUBA], 2),
    ],
)
def test_pieces_are_refused_exactly_where_some_weights_would_never_have_a_gradient(
    tmp_path: Path, words: list[str], least: int
) -> None:
    config = composed(["init=kaiming", "network.dropout=0", *words])
    parts = Parts(config, RunFolder(tmp_path, "run"), Console(quiet=True))
    x_TBI = next(iter(parts.data.train_inputs()))
    if least > 1:
        assert still(parts.network, x_TBI, least - 1)
        with pytest.raises(OptionError, match=rf"every={least - 1}: .* would learn nothing; take {least} or more"):
            Learning(every=least - 1).check(parts.network)
    assert not still(parts.network, x_TBI, least)
    Learning(every=least).check(parts.network)
    Learning().check(parts.network)


def test_a_run_that_would_learn_nothing_is_refused_by_the_name_of_the_option(tmp_path: Path) -> None:
    config = composed([*SMALL, f"paths.outputs={tmp_path}", "learning=online"])
    with pytest.raises(OptionError) as raised:
        execute(config, Console(quiet=True))
    assert explain(config, raised.value).startswith(
        "learning.every=1: a layer's inputs are in no decision before step 2"
    )
