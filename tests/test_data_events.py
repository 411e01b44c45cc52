import numpy as np
import pytest

from snnexp.data.events import Frames, Recording, check_steps, in_microseconds, microseconds, whole_steps
from snnexp.errors import DataError, OptionError

FRAMES = Frames(step_us=500, steps=4, inputs=3, classes=2)


def recording(times: list[int], channels: list[int], target: int = 0) -> Recording:
    return Recording(np.array(times, np.int64), np.array(channels, np.int64), target, "a.h5")


def test_the_edges_of_steps_belong_to_the_later_one() -> None:
    binned = FRAMES.bin(recording([0, 499, 500, 1999, 2000, 10**9], [0, 1, 2, 0, 1, 2], 1))
    assert binned.steps.tolist() == [0, 0, 1, 3]
    assert binned.channels.tolist() == [0, 1, 2, 0]
    assert binned.target == 1
    assert len(FRAMES.bin(recording([], [])).steps) == 0


def test_a_late_event_has_to_fit_as_well() -> None:
    with pytest.raises(DataError, match=r"^a\.h5 has an event in channel 3, there are 3 \(0 to 2\)$"):
        FRAMES.bin(recording([10**9], [3]))


@pytest.mark.parametrize("precision", [np.float32, np.float64])
def test_a_spike_on_the_edge_of_a_step_is_in_that_step(precision: type[np.floating]) -> None:
    thousandths = np.arange(3000)
    assert microseconds((thousandths / 1000).astype(precision), "a").tolist() == (1000 * thousandths).tolist()


def test_half_precision_is_kept_and_rounded_down() -> None:
    seconds = np.array([0.0, 0.1, 1.0, 1.2, 1e-6, 65000], np.float16)
    assert microseconds(seconds, "a").tolist() == [int(float(second) * 1e6) for second in seconds]
    for wrong in (np.nan, np.inf):
        with pytest.raises(DataError, match=r"^a has times that are no numbers"):
            microseconds(np.array([0.0, wrong]), "a")


def test_steps_and_durations() -> None:
    assert (in_microseconds(4.0), in_microseconds(0.001)) == (4000, 1)
    assert whole_steps(700.0, 2000) == 350
    assert check_steps(32767) == 32767
    for call, option in (
        (lambda: in_microseconds(0.0001), "step_ms"),
        (lambda: whole_steps(1.0, 700), "duration_ms"),
        (lambda: whole_steps(40_000.0, 1000), "duration_ms"),
        (lambda: check_steps(0), "steps"),
    ):
        with pytest.raises(OptionError, match=rf"^{option}="):
            call()
