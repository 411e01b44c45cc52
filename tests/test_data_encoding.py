import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from snnexp.data.encoding import NEVER, first_spike_frames, latency
from snnexp.errors import OptionError

PIXELS = torch.arange(256, dtype=torch.float64) / 255


def test_latency_of_hand_computed_intensities() -> None:
    # 10 log(1 / 0.8) = 2.23, 10 log(0.25 / 0.05) = 16.09, 10 log(0.21 / 0.01) = 30.4
    intensity = torch.tensor([0.0, 0.1, 0.2, 0.21, 0.25, 1.0], dtype=torch.float64)
    assert latency(intensity, 10, 0.2, 31).tolist() == [NEVER, NEVER, NEVER, 30, 16, 2]
    assert latency(intensity, 10, 0.2, 30).tolist() == [NEVER, NEVER, NEVER, NEVER, 16, 2]


def test_faintest_mnist_pixels_that_spike() -> None:
    paper = latency(PIXELS, 50, 0.2, 100)
    assert paper[59:61].tolist() == [NEVER, 95]
    code = latency(50 * PIXELS, 500, 0.2, 100)
    assert code[[5, 6, 10, 20, 50, 128, 255]].tolist() == [NEVER, 93, 54, 26, 10, 4, 2]


@given(
    x=st.floats(0.001, 10),
    tau=st.floats(0.5, 500),
    threshold=st.floats(0.001, 5),
    steps=st.integers(1, 400),
)
def test_latency_is_when_a_leaky_integrator_crosses_its_threshold(
    x: float, tau: float, threshold: float, steps: int
) -> None:
    def voltage(step: float) -> float:
        return x * -torch.expm1(torch.tensor(-step / tau, dtype=torch.float64)).item()

    step = latency(torch.tensor([x], dtype=torch.float64), tau, threshold, steps).item()
    if step == NEVER:
        assert voltage(steps - 0.5) <= threshold * (1 + 1e-9)
    else:
        assert 0 <= step < steps
        assert voltage(step - 0.5) <= threshold * (1 + 1e-9)
        assert voltage(step + 0.5) >= threshold * (1 - 1e-9)


@pytest.mark.parametrize(
    ("option", "tau", "threshold", "steps"),
    [("tau", 0.0, 0.2, 10), ("threshold", 1.0, 0.0, 10), ("steps", 1.0, 0.2, 0), ("steps", 1.0, 0.2, 2**15)],
)
def test_values_out_of_range_are_named(option: str, tau: float, threshold: float, steps: int) -> None:
    with pytest.raises(OptionError, match=f"^{option}="):
        latency(PIXELS, tau, threshold, steps)


def test_frames_hold_each_spike_at_its_time() -> None:
    times_BI = torch.tensor([[0, NEVER, 2], [2, 1, NEVER]], dtype=torch.int16)
    x_TBI = first_spike_frames(times_BI, 3)
    assert x_TBI.dtype == torch.float32
    assert x_TBI.tolist() == [[[1, 0, 0], [0, 0, 0]], [[0, 0, 0], [0, 1, 0]], [[0, 0, 1], [1, 0, 0]]]
