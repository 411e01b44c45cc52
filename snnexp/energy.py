"""What a step of a layer costs: operations of m inputs and n neurons, counted from the equations of the neuron.

A spike saves the multiplication: a weight is added where a unit spikes (accumulate, AC), and else nothing happens; a
real input is multiplied and added (MAC). The counts hold the terms that grow with the weights, and of those per neuron
the multiplications only; additions per neuron (reset, bias, comparison) are left out. So they order neuron models,
and are no measurement.

Source: Herranz-Celotti & Rouat, Table S1, after Yin et al. 2021. The table's formulas could not be had: those of the
spiking neurons are derived here from their equations, and the LSTM's is quoted from memory of Yin et al.
"""

from typing import NamedTuple

MAC_IN_AC = 31.0
"""Energy of a multiply-accumulate in units of an accumulate, 45 nm. Source: Herranz-Celotti & Rouat."""


class Operations(NamedTuple):
    """Operations of a layer in one step, for one sample; fractions, since spikes come with a probability."""

    macs: float
    acs: float

    @property
    def energy(self) -> float:
        """In units of one accumulate."""
        return MAC_IN_AC * self.macs + self.acs


def _spikes(inputs: int, neurons: int, input_rate: float, rate: float) -> float:
    """Accumulates of one pre-activation per neuron, m n F_in + n^2 F."""
    return inputs * neurons * input_rate + neurons * neurons * rate


def lif(inputs: int, neurons: int, input_rate: float, rate: float) -> Operations:
    """One multiplication per neuron: the leak. Rates are spikes per unit and step."""
    return Operations(neurons, _spikes(inputs, neurons, input_rate, rate))


def alif(inputs: int, neurons: int, input_rate: float, rate: float) -> Operations:
    """Three multiplications per neuron: the leaks of voltage and adaptation, and the strength of the latter."""
    return Operations(3 * neurons, _spikes(inputs, neurons, input_rate, rate))


def slstm(inputs: int, neurons: int, input_rate: float, rate: float) -> Operations:
    """Four pre-activations per neuron; its gates are 0, 1 or -1, so nothing is ever multiplied."""
    return Operations(0, 4 * _spikes(inputs, neurons, input_rate, rate))


def lstm(inputs: int, neurons: int) -> Operations:
    """Four pre-activations of real inputs, 4 (m n + n^2) + 17 n multiplications, at any activity."""
    return Operations(4 * (inputs * neurons + neurons * neurons) + 17 * neurons, 0)
