"""How a network in training fires: the same input again and again, and the other kind of threshold.

Shapes: T steps, B trials, I inputs, N neurons, W windows.
"""

import torch

from snnexp.errors import require
from snnexp.escape import Escape
from snnexp.procedures import inputs
from snnexp.procedures.train import Parts, evaluate
from snnexp.spike_trains import fano_factor_of_sums, window_counts
from snnexp.task import Stream

AT_ONCE = 50  # trials


@torch.no_grad()
def fano(parts: Parts, trials: int, window: int, sample: int = 0) -> dict[str, float]:
    """fano/l, the Fano factor of the spiking layers: variance over mean of the spikes in a window, over trials.

    One sample is shown `trials` times, with the noise of validation and test; unbiased variances; windows of so many
    steps at every step; windows and neurons without a spike do not count.
    sample: its number in the first batch of the test set.
    Source: Gygax & Zenke 2025, Fig. 7; the window (20 ms) and 400 trials are those of its code.
    """
    require(trials > 1, "trials", trials, "must be at least 2")
    task, network = parts.task, parts.task.network
    x = inputs.like(next(iter(parts.data.loader("test"))).inputs[:, sample : sample + 1], network.hidden[0].projection)
    training = network.training
    network.eval()
    task.reseed(Stream.EVALUATE, 0)
    sums = [torch.zeros(())] * len(task.spiking)
    squares = list(sums)
    for start in range(0, trials, AT_ONCE):
        layers = network(x.repeat_interleave(min(AT_ONCE, trials - start), 1)).layers
        for place, index in enumerate(task.spiking):
            counts_WBN = window_counts((layers[index].spikes != 0).float(), window)
            sums[place] = sums[place] + counts_WBN.sum(1).cpu()
            squares[place] = squares[place] + counts_WBN.square().sum(1).cpu()
    network.train(training)
    return {
        f"fano/{index}": fano_factor_of_sums(sums[place], squares[place], trials, 1).item()
        for place, index in enumerate(task.spiking)
    }


def tested(parts: Parts, name: str, escape: Escape | None) -> dict[str, float]:
    """test/<name>/accuracy and test/<name>/loss: the test with this escape noise in all hidden layers, none for null.

    The weights stay what they are. Source: Gygax & Zenke 2025, Fig. 7D.
    """
    hidden = parts.task.network.hidden
    trained_with = [layer.escape for layer in hidden]
    try:
        for layer in hidden:
            layer.escape = escape
        values = evaluate(parts, "test")
    finally:
        for layer, noise in zip(hidden, trained_with, strict=True):
            layer.escape = noise
    return {f"test/{name}/{measure}": values[measure] for measure in ("accuracy", "loss")}
