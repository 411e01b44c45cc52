"""The drawn target: the same on every machine, as dense as asked, darker where the ink is."""

import hashlib

import pytest
import torch

from snnexp.errors import OptionError
from snnexp.picture import dithered, dome, rotunda

HEIGHT, WIDTH, SHARE = 200, 189, 0.27426


def test_is_always_the_same() -> None:
    dots = dome(HEIGHT, WIDTH, SHARE)
    assert dots.shape == (HEIGHT, WIDTH)
    assert set(dots.unique().tolist()) == {0.0, 1.0}
    digest = hashlib.sha256(dots.to(torch.uint8).numpy().tobytes()).hexdigest()
    assert digest[:16] == "b1ff14d96cbade90"


def test_has_the_density_of_the_papers_picture_and_spikes_in_a_row() -> None:
    dots = dome(HEIGHT, WIDTH, SHARE)
    assert dots.mean().item() == pytest.approx(SHARE, abs=0.002)
    assert (dots[:, :-1] * dots[:, 1:]).sum().item() / dots.sum().item() == pytest.approx(0.388, abs=0.03)


def test_is_a_picture() -> None:
    ink = rotunda(HEIGHT, WIDTH)
    assert ((ink >= 0) & (ink <= 1)).all()
    dots = dithered(ink, SHARE)

    def blurred(picture: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.avg_pool2d(picture[None].double(), 8)[0].flatten()

    assert torch.corrcoef(torch.stack([blurred(ink), blurred(dots)]))[0, 1] > 0.98
    noise = dots.flatten()[torch.randperm(dots.numel(), generator=torch.Generator().manual_seed(0))].view_as(dots)
    assert torch.corrcoef(torch.stack([blurred(ink), blurred(noise)]))[0, 1] < 0.2


@pytest.mark.parametrize("grey", [0.1, 0.5, 0.8])
def test_even_grey_gives_its_share_of_dots(grey: float) -> None:
    dots = dithered(torch.full((60, 60), 0.3, dtype=torch.float64), grey)
    assert dots.mean().item() == pytest.approx(grey, abs=0.01)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_share_that_no_picture_has(share: float) -> None:
    with pytest.raises(OptionError, match=r"^share="):
        dome(20, 20, share)
