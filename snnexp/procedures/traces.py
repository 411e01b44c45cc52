"""What a run keeps for its picture page: rasters of a few samples, voltages and surrogates."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from snnexp.encoder import Encoder
from snnexp.files import write_atomically
from snnexp.layers import Layer
from snnexp.procedures import inputs
from snnexp.score import score
from snnexp.task import Batch, Stream, Task

RASTER_SAMPLES = 4
BINS = 200

# Shapes: T time, S samples, N neurons, B batch.


@torch.no_grad()
def save(task: Task, batch: Batch, path: Path) -> None:
    """Run the network on a batch and keep what the picture page draws.

    Of the first samples: input and spikes, labels and predictions (those of the last step, where each has its own). Of
    each layer with a surrogate, over the whole batch: the histogram of the centred voltage u between its 0.1 and 99.9
    percentiles, and psi(u), averaged over neurons, on a symmetric grid that covers them.
    """
    task.eval()
    task.reseed(Stream.EVALUATE, 0)
    spiking = [task.network.populations[index] for index in task.spiking]
    x = inputs.like(batch.inputs, task.network.hidden[0].projection)
    output = task.network(x, record=("u",) if spiking else ())
    predictions = score(output.read, batch.targets, task.readout, task.loss).predictions
    kept: dict[str, NDArray[Any]] = {
        "input": _array(task.network.shown(x)[:, :RASTER_SAMPLES]),
        "labels": _array(_at_the_end(batch.targets)[:RASTER_SAMPLES]),
        "predictions": _array(_at_the_end(predictions)[:RASTER_SAMPLES]),
    }
    for index, layer in enumerate(task.network.populations):
        spikes = _array(output.layers[index].spikes[:, :RASTER_SAMPLES])
        kept[f"spikes/{index}"] = spikes.astype(np.uint8 if layer.neuron.gates == 1 else np.float32)
        if layer.spiking:
            kept |= {
                f"{name}/{index}": value for name, value in _voltages(layer, output.layers[index].trace["u"]).items()
            }
    content = io.BytesIO()
    np.savez_compressed(content, **kept)  # type: ignore[arg-type]
    write_atomically(path, content.getvalue())


def _voltages(layer: Encoder | Layer, u_TBN: Tensor) -> dict[str, NDArray[Any]]:
    u = u_TBN[u_TBN.isfinite()].float()  # a diverging network has other ones as well
    low, high = np.percentile(_array(u), (0.1, 99.9)) if len(u) else (0.0, 0.0)
    low, high = min(float(low), -1e-3), max(float(high), 1e-3)
    edges = torch.linspace(low, high, BINS + 1)
    grid = max(-low, high) * torch.linspace(-1, 1, 401) ** 3  # dense where psi has its peak, however long the tails
    psi_GN = layer.psi(grid[:, None].to(u.device).expand(-1, layer.size))
    return {
        "u_edges": _array(edges),
        "u_counts": _array(torch.histc(u, BINS, low, high)),
        "psi_u": _array(grid),
        "psi": _array(psi_GN.mean(1)),
    }


def _at_the_end(classes: Tensor) -> Tensor:
    """Of classes [B], or [T, B] where there is one at every step, those of the last step."""
    return classes if classes.dim() == 1 else classes[-1]


def _array(tensor: Tensor) -> NDArray[Any]:
    return tensor.detach().cpu().numpy()
