"""The peak of the surrogate in every layer: fixed, or from the weights by condition III."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from snnexp import stability
from snnexp.conditions import Infeasible, Outcome, covered, passes
from snnexp.errors import OptionError, choice, require
from snnexp.layers import Layer
from snnexp.stability import Extremes, Formula, Lower


class Dampening(Protocol):
    """Sets the dampening of layers; `prepare` gives a layer what it has before, and outside the theory keeps."""

    def prepare(self, layer: Layer) -> None: ...
    def __call__(self, layers: Sequence[Layer]) -> Sequence[Outcome | None]: ...


@dataclass(frozen=True)
class Fixed:
    """The same dampening gamma in every layer, in the surrogate's units (psi(0) in this project's own)."""

    value: float = 1.0

    def __post_init__(self) -> None:
        require(self.value > 0, "value", self.value, "a dampening is greater than 0")

    def prepare(self, layer: Layer) -> None:
        layer.dampening.fill_(self.value)

    def __call__(self, layers: Sequence[Layer]) -> Sequence[Outcome | None]:
        return [None] * len(layers)


@dataclass(frozen=True)
class Stability:
    """Condition III: the largest possible gradient neither grows nor decays along time.

    extremes, formula: see `stability.dampening`.  average: one value a layer, the mean over its neurons.
    lower: the gradient from the layer below is left out (`none`, the main text), or taken in with the dampening that
    the layer below has (`layerwise`), or with the same one for all layers, that of the last (`shared`).
    through_reset: the gradient passes through the reset; null: as the neuron does (`neuron.detach_reset`).
    infeasible: what to do where gamma is not above 0: keep `otherwise`, in this project's units, or error.

    Raises `OptionError` for neurons other than lif, for layers without recurrence, and for a gradient through a
    post-reset, which the theory does not cover. Source: Herranz-Celotti & Rouat, Lemma 3.
    """

    extremes: str = "realised"
    lower: str = "none"
    formula: str = "derived"
    through_reset: bool | None = None
    average: bool = False
    infeasible: str = "keep"
    otherwise: float = 1.0

    def __post_init__(self) -> None:
        choice(Extremes, "extremes", self.extremes)
        choice(Lower, "lower", self.lower)
        choice(Formula, "formula", self.formula)
        kind = choice(Infeasible, "infeasible", self.infeasible)
        require(kind in (Infeasible.KEEP, Infeasible.ERROR), "infeasible", self.infeasible, "must be keep or error")
        require(self.otherwise > 0, "otherwise", self.otherwise, "a dampening is greater than 0")

    def prepare(self, layer: Layer) -> None:
        assert layer.surrogate is not None
        layer.dampening.copy_(layer.surrogate.dampening(torch.tensor(self.otherwise), layer.sharpness))

    def __call__(self, layers: Sequence[Layer]) -> Sequence[Outcome | None]:
        """Write the dampening of all layers; the sharpness must have been set."""
        peaks = self.peaks(layers)
        return [self._write(index, layer, peak) for index, (layer, peak) in enumerate(zip(layers, peaks, strict=True))]

    def peaks(self, layers: Sequence[Layer]) -> list[Tensor]:
        """gamma of each layer as the condition gives it, in this project's units: at or below 0 where infeasible."""
        peaks: list[Tensor] = []
        for index, layer in enumerate(layers):
            peaks.append(self._peak(layer, peaks[-1] if index else None))
        return [peaks[-1].mean()] * len(peaks) if self.lower == Lower.SHARED else peaks

    def _peak(self, layer: Layer, below: Tensor | None) -> Tensor:
        neuron, recurrence_NN = covered(layer, "dampening")
        alpha, theta, _ = neuron.constants()
        peak = stability.dampening(
            alpha,
            recurrence_NN,
            layer.projection,
            reset=neuron.reset,
            extremes=Extremes(self.extremes),
            lower=Lower.NONE if below is None else Lower(self.lower),
            lower_dampening=below,
            gradient_theta=theta if passes(neuron, self.through_reset) else None,
            formula=Formula(self.formula),
        ).value
        return peak.mean() if self.average else peak

    def _write(self, index: int, layer: Layer, peak: Tensor) -> Outcome:
        assert layer.surrogate is not None
        feasible = (peak > 0) & peak.isfinite()
        used = torch.where(feasible, peak, self.otherwise)
        layer.dampening.copy_(layer.surrogate.dampening(used, layer.sharpness.to(used)))
        if feasible.all():
            return Outcome(True)
        count = f"{int((~feasible).sum())} of {feasible.numel()} neurons"
        missing = f"condition III has no solution for {count} (mean gamma {peak.mean().item():.3g})"
        if self.infeasible == Infeasible.ERROR:
            raise OptionError("dampening.infeasible", self.infeasible, f"layer {index}: {missing}")
        return Outcome(False, f"{missing}; these keep {self.otherwise:g}")
