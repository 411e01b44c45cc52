"""The inverse width of the surrogate in every layer: fixed, or from the weights by condition IV."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from snnexp import stability
from snnexp.conditions import Infeasible, Outcome, covered, passes
from snnexp.errors import OptionError, choice, require
from snnexp.layers import Layer
from snnexp.stability import Bounds, Demand, Extremes, Formula, Lower, Moments
from snnexp.surrogates import Shape


class Sharpness(Protocol):
    """Sets the sharpness of layers; `prepare` gives a layer what it has before, and outside the theory keeps."""

    def prepare(self, layer: Layer) -> None: ...
    def __call__(self, layers: Sequence[Layer]) -> Sequence[Outcome | None]: ...


@dataclass(frozen=True)
class Fixed:
    """The same sharpness beta in every layer, in the surrogate's units; 0 makes psi constant."""

    value: float = 1.0

    def __post_init__(self) -> None:
        require(self.value >= 0, "value", self.value, "a sharpness is not negative")

    def prepare(self, layer: Layer) -> None:
        layer.sharpness.fill_(self.value)

    def __call__(self, layers: Sequence[Layer]) -> Sequence[Outcome | None]:
        return [None] * len(layers)


@dataclass(frozen=True)
class Stability:
    """Condition IV: the variance of the gradient neither grows nor decays along time.

    The peak of the surrogate (condition III's, or a fixed one) is held while the sharpness is looked for.

    extremes: which voltages psi is averaged over, see `stability.voltage_bounds`.  formula: see `stability.demand`.
    lower: the gradient from the layer below is left out (`none`, the main text), or taken in with the surrogate that
    the layer below has (`layerwise`), or with the same one for all layers, that of the last (`shared`).
    through_reset: the gradient passes through the reset; null: as the neuron does (`neuron.detach_reset`).
    average: one value a layer, the mean over its neurons, as in the paper.
    bracket, otherwise: in this project's units. bracket: where the sharpness is looked for, lowest and highest.
    infeasible: what to do where there is no root (none exists with the dampening of III and Glorot weights): keep
    `otherwise` (the default, the papers' 1), take the `nearest` end of the bracket, do what the authors' `code` does in
    effect, or stop with an `error`.

    Raises `OptionError` for neurons other than lif, for layers without recurrence, and for a gradient through a
    post-reset, which the theory does not cover. Source: Herranz-Celotti & Rouat, Lemma 4.
    """

    extremes: str = "realised"
    lower: str = "none"
    formula: str = "derived"
    through_reset: bool | None = None
    average: bool = True
    bracket: tuple[float, float] = (0.01, 100.0)
    infeasible: str = "keep"
    otherwise: float = 1.0

    def __post_init__(self) -> None:
        choice(Extremes, "extremes", self.extremes)
        choice(Lower, "lower", self.lower)
        choice(Formula, "formula", self.formula)
        choice(Infeasible, "infeasible", self.infeasible)
        require(self.otherwise > 0, "otherwise", self.otherwise, "a sharpness with moments is greater than 0")
        right = "must be two numbers, [lowest, highest], greater than 0"
        require(len(self.bracket) == 2 and 0 < self.bracket[0] < self.bracket[1], "bracket", self.bracket, right)

    def prepare(self, layer: Layer) -> None:
        assert layer.surrogate is not None
        layer.sharpness.fill_(self.otherwise / layer.surrogate.sharpness_unit)

    def __call__(self, layers: Sequence[Layer]) -> Sequence[Outcome | None]:
        """Write the sharpness of all layers; the dampening must have been set."""
        outcomes: list[Outcome] = []
        below: Layer | None = None
        shared = self._solve(len(layers) - 1, layers[-1], layers[-2]) if self._is_shared(layers) else None
        for index, layer in enumerate(layers):
            beta, outcome = shared or self._solve(index, layer, below)
            _write(layer, beta.mean() if shared or self.average else beta)
            demand, voltage = self.question(layer, below)
            moments = surrogate_moments(layer, voltage)
            fat = stability.tail(demand, voltage)
            outcomes.append(
                outcome._replace(
                    residual=demand.residual(moments).mean().item(),
                    q=fat.value.mean().item() if bool(fat.feasible.all()) else None,
                )
            )
            below = layer
        return outcomes

    def _is_shared(self, layers: Sequence[Layer]) -> bool:
        return self.lower == Lower.SHARED and len(layers) > 1

    def _solve(self, index: int, layer: Layer, below: Layer | None) -> tuple[Tensor, Outcome]:
        """The sharpness of a layer, in this project's units, and how the condition fared."""
        demand, voltage = self.question(layer, below)
        low, high = self.bracket
        root = stability.sharpness(demand, _shape(layer), voltage, _peak(layer), (low, high))
        missing = int((~root.feasible).sum())
        if not missing:
            return root.value, Outcome(True)
        demanded = demand.second_moment(surrogate_moments(layer, voltage).first).mean().item()
        note = (
            f"condition IV has no root in [{low:g}, {high:g}] for {missing} of {root.feasible.numel()} neurons: "
            f"it demands E[psi^2] = {demanded:.3g}, the peak squared is {_peak(layer).square().mean().item():.3g}"
        )
        match choice(Infeasible, "infeasible", self.infeasible):
            case Infeasible.KEEP:
                other = torch.full_like(root.value, self.otherwise)
                note += f"; sharpness stays {self.otherwise:g}"
            case Infeasible.NEAREST:
                other = root.value
                note += "; taken is the nearer end"
            case Infeasible.CODE:
                other = torch.empty(layer.size).uniform_(0.3, 1.6).mean().expand_as(root.value)
                note += f"; taken is the mean of draws from U(0.3, 1.6), {other.mean().item():.3g}"
            case Infeasible.ERROR:
                raise OptionError("sharpness.infeasible", self.infeasible, f"layer {index}: {note}")
        return torch.where(root.feasible, root.value, other), Outcome(False, note)

    def question(self, layer: Layer, below: Layer | None) -> tuple[Demand, Bounds]:
        """Condition IV as an equation for a layer, and the voltages over which its surrogate is averaged."""
        neuron, recurrence_NN = covered(layer, "sharpness")
        alpha, theta, b = neuron.constants()
        extremes = Extremes(self.extremes)
        bias = sum(current for current in (b, layer.bias) if current is not None)
        voltage = stability.voltage_bounds(
            alpha, theta, recurrence_NN, layer.projection, bias, reset=neuron.reset, extremes=extremes
        )
        lower = Lower.NONE if below is None else Lower(self.lower)
        known = None
        if below is not None and lower is Lower.LAYERWISE:
            known = surrogate_moments(below, self.question(below, None)[1])
        demand = stability.demand(
            alpha,
            recurrence_NN,
            layer.projection,
            reset=neuron.reset,
            lower=lower,
            lower_moments=known,
            gradient_theta=theta if passes(neuron, self.through_reset) else None,
            formula=Formula(self.formula),
        )
        return demand, voltage


def _peak(layer: Layer) -> Tensor:
    assert layer.surrogate is not None
    return layer.surrogate.peak(layer.dampening, layer.sharpness)


def _shape(layer: Layer) -> Shape:
    assert layer.surrogate is not None
    return layer.surrogate.shape


def surrogate_moments(layer: Layer, voltage: Bounds) -> Moments:
    """The moments of a layer's surrogate as it stands, over uniform voltages; means over its neurons."""
    assert layer.surrogate is not None
    beta = layer.surrogate.sharpness_unit * layer.sharpness
    moments = stability.moments(_shape(layer), voltage, _peak(layer), beta)
    return Moments(moments.first.mean(), moments.second.mean())


def _write(layer: Layer, beta: Tensor) -> None:
    """Give the surrogate a sharpness, in this project's units, and the peak that it had."""
    assert layer.surrogate is not None
    peak = _peak(layer)
    layer.sharpness.copy_((beta / layer.surrogate.sharpness_unit).expand_as(layer.sharpness))
    layer.dampening.copy_(layer.surrogate.dampening(peak, layer.sharpness))
