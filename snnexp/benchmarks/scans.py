"""The same training step in JAX, compiled by XLA: a `lax.scan` as one writes it by hand, and spyx."""

import os
from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any, NamedTuple

import torch
from torch import Tensor

from snnexp.benchmarks.workloads import DECAY, SHARPNESS, THRESHOLD, Workload, weights

# Shapes: T time, B batch, I inputs, N neurons, C classes.

Hidden = Callable[[Workload], tuple[Any, Callable[[Any, Any], Any]]]
"""Makes the weights of hidden layers, and a pure function (weights, x [T, B, I]) -> spikes [T, B, N]."""


class ScanTraining:
    """Hidden layers in JAX with the readout, the loss and the optimiser of `workloads.Training`.

    XLA takes as many threads as torch, where nothing in this process has used it before.
    """

    def __init__(self, workload: Workload, hidden: Hidden, data: tuple[Tensor, Tensor]) -> None:
        os.environ.setdefault("NPROC", str(torch.get_num_threads()))  # XLA reads it at its first use
        jax = import_module("jax")
        self._compiled_step, self._compiled_rate, optimizer = _compiled(hidden, workload)
        readout = jax.numpy.zeros((workload.widths[-1], workload.classes)), jax.numpy.zeros(workload.classes)
        parameters = {"hidden": hidden(workload)[0], "readout": readout}
        self.x_TBI, self.targets = (jax.dlpack.from_dlpack(part) for part in data)
        # Placed as a step's results are, or XLA compiles the second step again.
        self.state = jax.device_put((parameters, optimizer.init(parameters)), self.x_TBI.device)

    def step(self) -> None:
        self.state = self._compiled_step(self.state, self.x_TBI, self.targets)
        import_module("jax").block_until_ready(self.state)

    def rate(self) -> float:
        """The firing rate of the last layer."""
        return float(self._compiled_rate(self.state, self.x_TBI))


@cache
def _compiled(hidden: Hidden, workload: Workload) -> tuple[Callable[..., Any], Callable[..., Any], Any]:
    jax, optax = import_module("jax"), import_module("optax")
    _, forward = hidden(workload)
    optimizer = optax.adam(1e-5)

    def loss(parameters: Any, x_TBI: Any, targets: Any) -> Any:
        weight_NC, bias_C = parameters["readout"]
        outputs_TBC = forward(parameters["hidden"], x_TBI) @ weight_NC + bias_C
        logits = outputs_TBC if workload.every_step else outputs_TBC.max(0)
        return optax.softmax_cross_entropy_with_integer_labels(logits, targets).mean()

    def step(state: Any, x_TBI: Any, targets: Any) -> Any:
        parameters, moments = state
        updates, moments = optimizer.update(jax.grad(loss)(parameters, x_TBI, targets), moments)
        return optax.apply_updates(parameters, updates), moments

    def rate(state: Any, x_TBI: Any) -> Any:
        return (forward(state[0]["hidden"], x_TBI) != 0).mean()

    return jax.jit(step, donate_argnums=0), jax.jit(rate), optimizer


def by_hand(workload: Workload) -> tuple[Any, Callable[[Any, Any], Any]]:
    """All layers at a step, then the next step, as `contenders.Loop` does it."""
    jax = import_module("jax")

    spike = jax.custom_jvp(lambda u: (u > 0).astype(u.dtype))
    spike.defjvps(lambda tangent, _, u: tangent / (1 + 2 * SHARPNESS * abs(u)) ** 2)

    def forward(layers: Any, x_TBI: Any) -> Any:
        def step(before: Any, x_BI: Any) -> tuple[Any, Any]:
            seen, after = x_BI, []
            for (v, z), (projection, recurrence) in zip(before, layers, strict=True):
                current = seen @ projection.T
                if recurrence is not None:
                    current = current + z @ recurrence.T
                v = DECAY * v + current - THRESHOLD * jax.lax.stop_gradient(z)
                seen = spike(v - THRESHOLD)
                after.append((v, seen))
            return after, seen

        rest = [(jax.numpy.zeros((x_TBI.shape[1], size)),) * 2 for size in workload.widths]
        return jax.lax.scan(step, rest, x_TBI)[1]

    return [
        tuple(None if w is None else jax.numpy.array(w.numpy()) for w in pair) for pair in weights(workload)
    ], forward


def spyx(workload: Workload) -> tuple[Any, Callable[[Any, Any], Any]]:
    """`RLIF` or `LIF` between linear layers, over time by `spyx.nn.run`."""
    jax, nnx, library = import_module("jax"), import_module("flax.nnx"), import_module("spyx.nn")
    activation = import_module("spyx.axn").superspike(2 * SHARPNESS)
    random, layers = nnx.Rngs(0), []
    for projection, recurrence in weights(workload):
        size, fan_in = projection.shape
        linear = nnx.Linear(fan_in, size, use_bias=False, rngs=random)
        linear.kernel[...] = jax.numpy.array(projection.T.numpy())
        kind = library.LIF if recurrence is None else library.RLIF
        neuron = kind((size,), DECAY, THRESHOLD, activation, rngs=random)
        if recurrence is not None:
            neuron.recurrent_w[...] = jax.numpy.array(recurrence.T.numpy())
        layers += [linear, neuron]
    structure, state = nnx.split(library.Sequential(*layers))

    def forward(given: Any, x_TBI: Any) -> Any:
        filled = jax.tree.map(lambda leaf: leaf, state)
        nnx.replace_by_pure_dict(filled, given)
        return library.run(nnx.merge(structure, filled), x_TBI)[0]

    return nnx.to_pure_dict(state), forward  # of plain arrays: with nnx's own XLA compiles three times


class ScanPeer(NamedTuple):
    """The package that has to be installed, and its hidden layers."""

    package: str
    hidden: Hidden


SCANS = [ScanPeer("jax", by_hand), ScanPeer("spyx", spyx)]
