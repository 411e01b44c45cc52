import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from snnexp.errors import OptionError
from snnexp.schedules import always, first_epochs, ramp

FRACTION = st.floats(0, 1)


def test_ramp_of_the_paper() -> None:
    # Off until 1/5 of training, linear until 3/5, then on (Herranz-Celotti & Rouat).
    weights = [ramp(progress, start=0.2, end=0.6) for progress in (0.0, 0.2, 0.3, 0.4, 0.5, 0.6, 1.0)]
    assert weights == pytest.approx([0, 0, 0.25, 0.5, 0.75, 1, 1])


@settings(deadline=None)
@given(start=FRACTION, end=FRACTION, early=FRACTION, late=FRACTION)
def test_ramp_grows_from_0_to_1(start: float, end: float, early: float, late: float) -> None:
    assume(start < end and early <= late)
    assert 0 <= ramp(early, start, end) <= ramp(late, start, end) <= 1
    assert (ramp(start, start, end), ramp(end, start, end)) == (0, 1)


def test_always() -> None:
    assert [always(progress) for progress in (0.0, 0.5, 1.0)] == [1, 1, 1]


@pytest.mark.parametrize(("start", "end"), [(0.5, 0.5), (0.6, 0.2), (-0.1, 0.5), (0.5, 1.1)])
def test_ramp_refuses(start: float, end: float) -> None:
    with pytest.raises(OptionError, match=f"^start={start}: .* end is {end}$"):
        ramp(0.0, start, end)


@settings(deadline=None)
@given(of=st.integers(1, 1000), data=st.data())
def test_first_epochs(of: int, data: st.DataObject) -> None:
    epochs, epoch = data.draw(st.integers(1, of)), data.draw(st.integers(0, of))
    assert first_epochs(epoch / of, epochs, of) == (epoch < epochs)


def test_first_epochs_refuses() -> None:
    with pytest.raises(OptionError, match=r"^epochs=0: must be at least 1$"):
        first_epochs(0.0, 0, 10)
