"""The bitmaps: what tests of the figures do not draw."""

import pytest

from snnexp.reports.png import crowded


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["a shape with a very long name"], False),
        (["SuperSpike", "sigmoid", "Esser et al."], False),
        (["constant", "0.1", "1", "10", "100", "1000"], False),
        (
            ["constant", *["0.1", "0.2", "0.5", "1", "2", "5", "10", "20", "50", "100", "500", "1000"]],
            True,
        ),  # two would touch, though 36 letters fit
        (["rectangular", "triangular", "exponential", "gaussian"], False),
        (["rectangular", "triangular", "exponential", "gaussian", "sigmoid"], True),
    ],
)
def test_names_that_would_touch(names: list[str], expected: bool) -> None:
    assert crowded(names) == expected
