"""The bitmaps: what tests of the figures do not draw."""

import pytest

from snnexp.reports.png import crowded


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["a shape with a very long name"], False),
        (["SuperSpike", "sigmoid", "Esser et al."], False),
        (["constant", "0.1", "1", "10", "100", "1000"], False),
        # The first two would touch, though all letters together have room.
        (["constant", "0.1", "0.2", "0.5", "1", "2", "5", "10", "20", "50", "100", "500", "1000"], True),
        (["rectangular", "triangular", "exponential", "gaussian"], False),
        (["rectangular", "triangular", "exponential", "gaussian", "sigmoid"], True),
    ],
)
def test_names_that_would_touch(names: list[str], expected: bool) -> None:
    assert crowded(names) == expected
