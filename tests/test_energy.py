"""Operation counts: by hand for tiny layers, and by counting what a simulated layer adds."""

import pytest
import torch

from snnexp import energy
from snnexp.energy import MAC_IN_AC, Operations


def test_counts_by_hand() -> None:
    # 3 inputs that spike every second step, 2 neurons that spike every fourth: 3 * 2 / 2 + 2 * 2 / 4 additions.
    tiny = {"inputs": 3, "neurons": 2, "input_rate": 0.5, "rate": 0.25}
    assert energy.lif(**tiny) == Operations(macs=2, acs=4)
    assert energy.alif(**tiny) == Operations(macs=6, acs=4)
    assert energy.slstm(**tiny) == Operations(macs=0, acs=16)
    assert energy.lstm(3, 2) == Operations(macs=4 * (6 + 4) + 34, acs=0)
    assert energy.lif(**tiny).energy == 2 * 31 + 4


@pytest.mark.parametrize(("rate", "saving"), [(1.0, 31), (0.5, 62)])
def test_spikes_save_31_over_their_rate(rate: float, saving: float) -> None:
    spiking, real = energy.slstm(1000, 1000, rate, rate), energy.lstm(1000, 1000)
    assert real.energy / spiking.energy == pytest.approx(saving, rel=0.003)  # but for 17 n
    assert MAC_IN_AC / rate == saving


def test_a_simulated_layer_adds_as_often() -> None:
    inputs, neurons, steps, generator = 7, 5, 4000, torch.Generator().manual_seed(0)
    x_TI = torch.rand(steps, inputs, generator=generator) < 0.2
    z_TN = torch.rand(steps, neurons, generator=generator) < 0.6
    additions = sum(neurons * (int(x.sum()) + int(z.sum())) for x, z in zip(x_TI, z_TN, strict=True)) / steps
    counted = energy.lif(inputs, neurons, x_TI.double().mean().item(), z_TN.double().mean().item())
    assert counted.acs == pytest.approx(additions)


def test_order_at_equal_rates() -> None:
    at = {"inputs": 64, "neurons": 128, "input_rate": 0.1, "rate": 0.5}
    costs = [energy.lif(**at), energy.alif(**at), energy.slstm(**at), energy.lstm(64, 128)]
    assert sorted(costs, key=lambda cost: cost.energy) == costs
