"""The experiments of *robustness* and *beyond*: what they expand to, what they say without runs, what they train."""

import math
import re
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from snnexp.config import build
from snnexp.experiments import experiments
from snnexp.publish import publish
from tests.runs import CONF, composed

ROOT = CONF / "experiment"
FILES = {
    f"{paper}/{file.stem}": file for paper in ("robustness", "beyond") for file in sorted((ROOT / paper).glob("*.yaml"))
}
STAND_INS = [
    f"robustness/{name}" for name in ("raw_audio", "raw_audio_reduced", "fig6_shd_reduced", "sparsity_shd_reduced")
]
PAPER_SCALE = [
    "robustness/fig2",
    "robustness/fig3",
    "robustness/fig5",
    "robustness/fig5e",
    "robustness/fig6",
    "robustness/fig6_mnist",
    "robustness/fig6_shd",
    "robustness/raw_audio",
    "robustness/sparsity",
    "robustness/sparsity_mnist",
    "robustness/sparsity_shd",
    "robustness/activity",
]
CLAIMS = {"beyond/cross_digits": 2, "beyond/neurons_reduced": 4, "beyond/spikeinit_reduced": 5}
NAMES = [name for name in FILES if "/base" not in name]
MANY_RUNS = ("beyond/cross", "beyond/cross_digits")  # beyond/cross_reduced stays


def test_all_of_them_have_a_report() -> None:
    assert experiments("robustness") + experiments("beyond") == NAMES


def test_every_figure_has_a_reduced_version() -> None:
    figures = [name for name in NAMES if name.startswith("robustness/") and not name.endswith("_reduced")]
    assert {f"{name}_reduced" for name in figures} <= set(NAMES)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.longest) if name in MANY_RUNS else name for name in NAMES]
)
def test_as_many_runs_as_the_comment_says_and_no_verdict_without_them(name: str, tmp_path: Path) -> None:
    (said,) = re.findall(r"= (\d+)\s+(?:#\s+)?runs", FILES[name].read_text())
    head, *lines = publish([f"experiment={name}", f"paths.outputs={tmp_path}"])
    scale = "paper" if name in PAPER_SCALE else "reduced"
    stand_in = ", stand-in data" if name in STAND_INS else ""
    assert head == f"{name} ({scale} scale{stand_in}), {said} runs: {said} missing"
    claims = sum(line.startswith("  no data yet") for line in lines)
    assert claims == CLAIMS.get(name, claims) > 1
    assert not any("reproduced" in line for line in lines)


BETA = 10.0
SHAPES = {
    "super_spike": lambda x: 1 / (BETA * x.abs() + 1) ** 2,
    "asymptotic_super_spike": lambda x: BETA / (BETA * x.abs() + 1) ** 2,
    "sigmoid_unscaled": lambda x: torch.sigmoid(BETA * x) * (1 - torch.sigmoid(BETA * x)),
    "esser": lambda x: (1 - BETA * x.abs()).clamp_min(0),
}


def papers_loss(x_TBI: Tensor, targets_B: Tensor, weights: list[Tensor], shape: str, through: set[str]) -> Tensor:
    """The loss of Zenke & Vogels 2021, Secs. 4.2.1 to 4.2.5, written out; it starts with the readout at -1e-3.

    weights: W, V and those of the readout.  through: what the gradient passes, reset and recurrence.
    """
    W_NI, V_NN, O_CN = weights
    membrane, synapse, readout = (math.exp(-1 / tau) for tau in (10, 5, 20))
    u_BN = i_BN = x_TBI.new_zeros(x_TBI.shape[1], len(W_NI))
    out_BC = i_BC = x_TBI.new_zeros(x_TBI.shape[1], len(O_CN))
    out_BC = out_BC - 1e-3
    counts_BN, outputs = torch.zeros_like(u_BN), []
    for x_BI in x_TBI:
        u = u_BN - 1
        slope = SHAPES[shape](u.detach())
        fired_BN = (u > 0).double() + slope * (u - u.detach())
        reset_BN = fired_BN if "reset" in through else fired_BN.detach()
        back_BN = fired_BN if "recurrence" in through else fired_BN.detach()
        u_BN = (membrane * u_BN + (1 - membrane) * i_BN) * (1 - reset_BN)
        i_BN = synapse * i_BN + x_BI @ W_NI.T + back_BN @ V_NN.T
        out_BC = readout * out_BC + (1 - readout) * i_BC
        i_BC = synapse * i_BC + fired_BN @ O_CN.T
        counts_BN = counts_BN + fired_BN
        outputs.append(out_BC)
    few = 100 * (1e-3 - counts_BN).clamp_min(0).square().mean()
    return cross_entropy(torch.stack(outputs).amax(0), targets_B) + few


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("through", [set(), {"reset"}, {"recurrence"}], ids=["detached", "reset", "recurrence"])
def test_network_and_loss_have_the_papers_gradient(shape: str, through: set[str]) -> None:
    generator = torch.Generator().manual_seed(0)
    flags = [f"neuron.detach_reset={'reset' not in through}", f"network.detach_recurrent={'recurrence' not in through}"]
    config = composed(["experiment=robustness/base", "network.recurrent=true", f"sg={shape}", *flags])
    network = build(config.network)(
        inputs=20, classes=10, neuron=build(config.neuron), surrogate=build(config.sg), escape=None, backend="auto"
    ).double()
    layer = network.hidden[0]
    weights = [layer.projection, layer.recurrent_weight, network.output.projection]
    layer.sharpness.fill_(config.sharpness.value)
    with torch.no_grad():
        for weight, bound in zip(weights, (2.0, 0.5, 0.5), strict=True):
            weight.copy_((torch.rand(weight.shape, generator=generator) * 2 - 0.8) * bound)
    times_BI = torch.randint(50, (6, 20), generator=generator)
    x_TBI = (torch.arange(60)[:, None, None] == times_BI).double()
    targets_B = torch.arange(6)

    output = network(x_TBI)
    ours = build(config.loss)(build(config.readout).logits(output.outputs), targets_B)
    ours = ours + build(config.selt)([output.layers[0].spikes], 0.0)
    assert 0.01 < output.layers[0].spikes.mean() < 0.5
    # Their spikes come one step later, so they are shown one step more; their readout starts one step earlier.
    theirs = papers_loss(torch.cat((x_TBI, 0 * x_TBI[:1])), targets_B, weights, shape, through)
    torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=0)
    for found, wanted in zip(torch.autograd.grad(ours, weights), torch.autograd.grad(theirs, weights), strict=True):
        assert wanted.abs().max() > 0
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5 * wanted.abs().max().item())
