"""Every shape of conf/sg, the parametrisations of other papers, and the spike.

A shape that is added to conf/sg is tested by itself. Equal names in libraries are different functions, so the
libraries' formulas stand here in numbers, with the version in which they were read.
"""

import math
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf
from scipy.integrate import quad  # type: ignore[import-untyped]
from torch import Tensor

from snnexp.config import build
from snnexp.errors import OptionError
from snnexp.surrogates import (
    Shape,
    Surrogate,
    arctan,
    exponential,
    fast_sigmoid,
    gaussian,
    q_pseudospike,
    rectangular,
    sigmoid,
    spike,
    triangular,
)

CONF = Path(__file__).parents[1] / "conf" / "sg"
CONTROLS = {"constant", "zero"}
NAMES = sorted(path.stem for path in CONF.glob("*.yaml") if path.stem not in CONTROLS)
U = torch.linspace(-3, 3, 601, dtype=torch.float64)


def load(name: str) -> Surrogate:
    surrogate = build(OmegaConf.load(CONF / f"{name}.yaml"))
    assert isinstance(surrogate, Surrogate)
    return surrogate


def real(value: float) -> Tensor:
    return torch.tensor(value, dtype=torch.float64)


def psi(surrogate: Surrogate, u: Tensor, dampening: float = 1.0, sharpness: float = 1.0) -> Tensor:
    return surrogate(u, real(dampening), real(sharpness))


def area(f: Callable[[Tensor], Tensor], scale: float = 1.0) -> float:
    """Twice the integral over u > 0: the kinks, at 1/2 and 1 of the shape, are ends; the last piece has no end."""
    ends = [0.0, 0.5 * scale, scale, 4 * scale, math.inf]
    return 2 * sum(float(quad(lambda u: f(real(u)).item(), a, b, epsabs=1e-12)[0]) for a, b in pairwise(ends))


@pytest.mark.parametrize("name", NAMES)
def test_shape_has_unit_peak_and_area_is_symmetric_and_falls(name: str) -> None:
    shape = load(name).shape
    assert shape(real(0.0)) == 1
    assert area(shape) == pytest.approx(1, abs=1e-8)
    torch.testing.assert_close(shape(U), shape(-U), rtol=1e-13, atol=0)
    assert (shape(U[U >= 0]).diff() <= 0).all()


@pytest.mark.parametrize("q", [1.05, 1.5, 3.0, 40.0])
def test_area_of_q_pseudospike(q: float) -> None:
    # Of so fat a tail quadrature sees nothing; it is taken from the primitive, 1 - (1 + 2x / (q - 1))^(1 - q) over 2.
    inside = 2 * quad(lambda x: q_pseudospike(real(x), q).item(), 0, 10, epsabs=1e-12)[0]
    assert inside + (1 + 20 / (q - 1)) ** (1 - q) == pytest.approx(1, abs=1e-8)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("dampening", "sharpness"), [(1.0, 1.0), (0.3, 2.5), (4.0, 0.2)])
def test_dampening_is_the_peak_and_with_sharpness_the_area(name: str, dampening: float, sharpness: float) -> None:
    surrogate = load(name)
    peak = surrogate.peak(real(dampening), real(sharpness)).item()
    canonical_sharpness = surrogate.sharpness_unit * sharpness
    assert psi(surrogate, real(0.0), dampening, sharpness).item() == pytest.approx(peak)
    measured = area(lambda u: psi(surrogate, u, dampening, sharpness), 1 / canonical_sharpness)
    assert measured == pytest.approx(peak / canonical_sharpness, rel=1e-7)
    if surrogate == Surrogate(surrogate.shape):
        assert (peak, canonical_sharpness) == (dampening, sharpness)


def test_controls() -> None:
    assert torch.equal(psi(load("constant"), U, 0.3, 7.0), torch.full_like(U, 0.3))
    assert torch.equal(psi(load("zero"), U, 0.3, 7.0), torch.zeros_like(U))
    assert torch.equal(psi(load("fast_sigmoid"), U, 0.3, 0.0), torch.full_like(U, 0.3))


def test_q_family() -> None:
    torch.testing.assert_close(q_pseudospike(U, 2.0), fast_sigmoid(U), rtol=1e-14, atol=0)
    torch.testing.assert_close(q_pseudospike(U, 1e8), exponential(U), rtol=0, atol=1e-7)
    torch.testing.assert_close(q_pseudospike(U.float(), 1e8), exponential(U.float()), rtol=0, atol=1e-6)


PAPERS: dict[str, Callable[[Tensor, float], Tensor]] = {  # Zenke & Vogels 2021, Sec. 4
    "super_spike": lambda u, beta: 1 / (beta * u.abs() + 1) ** 2,
    "sigmoid_unscaled": lambda u, beta: 1 / (2 + torch.exp(beta * u) + torch.exp(-beta * u)),  # s (1 - s)
    "esser": lambda u, beta: torch.maximum(torch.zeros_like(u), 1 - beta * u.abs()),
    "asymptotic_super_spike": lambda u, beta: beta / (beta * u.abs() + 1) ** 2,
}


@pytest.mark.parametrize("name", PAPERS)
@settings(deadline=None, max_examples=50)
@given(beta=st.floats(0.1, 100))
def test_sharpness_is_the_papers_beta(name: str, beta: float) -> None:
    torch.testing.assert_close(psi(load(name), U, sharpness=beta), PAPERS[name](U, beta), rtol=1e-9, atol=1e-15)


LIBRARIES: list[tuple[str, Callable[[Tensor], Tensor], Shape, float, float]] = [
    ("stork SuperSpike, beta 10", lambda u: 1 / (10 * u.abs() + 1) ** 2, fast_sigmoid, 1, 5),
    ("norse 1.0 super_fn(100)", lambda u: 1 / (100 * u.abs() + 1) ** 2, fast_sigmoid, 1, 50),
    ("norse 1.1 super_fn(100), which ignores alpha", lambda u: 1 / (u.abs() + 1) ** 2, fast_sigmoid, 1, 0.5),
    ("spyx 1.0 superspike(25)", lambda u: 1 / (1 + 25 * u.abs()) ** 2, fast_sigmoid, 1, 12.5),
    ("spikingjelly 2.0 SuperSpike(3), a height", lambda u: 3 / (u.abs() + 1) ** 2, fast_sigmoid, 3, 0.5),
    ("spikingjelly 2.0 SoftSign(2)", lambda u: 1 / (2 * 2 * (1 / 2 + u.abs()) ** 2), fast_sigmoid, 1, 1),
    ("spikingjelly 2.0 ATan(2)", lambda u: 1 / (1 + (math.pi * u) ** 2), arctan, 1, 1),
    ("snntorch 1.0 atan(2), docstring", lambda u: 1 / math.pi / (1 + (math.pi * u) ** 2), arctan, 1 / math.pi, 1),
    ("spyx 1.0 arctan(2)", lambda u: 1 / ((1 + (2 * math.pi * u) ** 2) * math.pi), arctan, 1 / math.pi, 2),
    ("spikingjelly 2.0 Sigmoid(4)", lambda u: 4 / (torch.exp(2 * u) + torch.exp(-2 * u)) ** 2, sigmoid, 1, 1),
    ("spyx 1.0 tanh(1)", lambda u: 4 / (torch.exp(-u) + torch.exp(u)) ** 2, sigmoid, 1, 0.5),
    ("spikingjelly 2.0 PiecewiseQuadratic(1)", lambda u: (1 - u.abs()) * (u.abs() <= 1), triangular, 1, 1),
    ("spyx 1.0 triangular(2)", lambda u: (1 - (2 * u).abs()).relu(), triangular, 1, 2),
    ("spikingjelly 2.0 PiecewiseExp(1)", lambda u: 0.5 * torch.exp(-u.abs()), exponential, 0.5, 0.5),
    (
        "spikingjelly 2.0 Erf(2)",
        lambda u: 2 / math.pi**0.5 * torch.exp(-((2 * u) ** 2)),
        gaussian,
        2 / math.pi**0.5,
        2 / math.pi**0.5,
    ),
    ("spikingjelly 2.0 Rect(2)", lambda u: 2 * (u.abs() < 0.25).double(), rectangular, 2, 2),
    ("spikingjelly 2.0 QPseudoSpike(3)", lambda u: (1 + u.abs()) ** -3.0, partial(q_pseudospike, q=3.0), 1, 1),
]


@pytest.mark.parametrize(("library", "formula", "shape", "gamma", "beta"), LIBRARIES)
def test_other_libraries_in_canonical_form(
    library: str, formula: Callable[[Tensor], Tensor], shape: Shape, gamma: float, beta: float
) -> None:
    torch.testing.assert_close(psi(Surrogate(shape), U, gamma, beta), formula(U), rtol=0, atol=1e-14, msg=library)


def test_snntorch_agrees() -> None:
    oracle = pytest.importorskip("snntorch.surrogate", reason="snntorch is not installed")
    for function, shape, beta in ((oracle.fast_sigmoid(25), fast_sigmoid, 12.5), (oracle.atan(2), arctan, 1.0)):
        u = U.clone().requires_grad_()
        function(u).sum().backward()
        torch.testing.assert_close(psi(Surrogate(shape), U, 1.0, beta), u.grad, rtol=0, atol=1e-14)


def test_spike_is_a_strict_step() -> None:
    tiny = torch.finfo(torch.float64).smallest_normal
    u = torch.tensor([-1.0, -tiny, 0.0, tiny, 1.0], dtype=torch.float64)
    assert spike(u, gaussian).tolist() == [0, 0, 0, 1, 1]
    assert spike(u, gaussian, noise=u.roll(1)).tolist() == [0, 1, 1, 1, 1]


@pytest.mark.parametrize("name", sorted({*NAMES, *CONTROLS}))
@pytest.mark.parametrize("noisy", [False, True])
def test_derivative_of_a_spike_is_psi(name: str, noisy: bool) -> None:
    surrogate, gamma, beta = load(name), torch.tensor([0.3, 2.0]).double(), torch.tensor([3.0, 0.5]).double()
    u = U[:600].view(300, 2).clone().requires_grad_()
    noise = torch.randn(300, 2, dtype=torch.float64) if noisy else None
    weight = torch.randn(300, 2, dtype=torch.float64)
    z = spike(u, lambda u: surrogate(u, gamma, beta), noise)
    (gradient,) = torch.autograd.grad((z * weight).sum(), u)
    assert torch.equal(gradient, weight * surrogate(u.detach(), gamma, beta))


@pytest.mark.parametrize("name", NAMES)
@settings(deadline=None, max_examples=50)
@given(dampening=st.floats(1e-3, 1e3), sharpness=st.floats(1e-3, 1e3))
def test_peak_and_dampening_are_inverses(name: str, dampening: float, sharpness: float) -> None:
    surrogate, beta = load(name), real(sharpness)
    assert surrogate.dampening(surrogate.peak(real(dampening), beta), beta).item() == pytest.approx(dampening)


def test_refused_options() -> None:
    with pytest.raises(OptionError, match=r"^q=1\.0: "):
        Surrogate(partial(q_pseudospike, q=1.0))
    with pytest.raises(OptionError, match=r"^sharpness_unit=0: "):
        Surrogate(fast_sigmoid, sharpness_unit=0)
    with pytest.raises(OptionError, match=r"^sharpness=0: "):
        load("asymptotic_super_spike").dampening(real(1.0), real(0.0))
