"""When a batch is learned from: burn-in, pieces, and what is refused."""

import io
from pathlib import Path
from typing import Any

import pytest
import torch
from rich.console import Console

from snnexp.errors import OptionError
from snnexp.learning import Learning, Piece
from snnexp.run import execute
from tests.runs import SMALL, composed

T, B, CHANNELS = 7, 2, 3
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
