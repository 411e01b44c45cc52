"""What weights, dampening and sharpness are before training.

An initialisation is a function of the network and of the training inputs that writes all weights, and says what the
theory behind it promises of them, layer by layer.

    classic       glorot, kaiming, orthogonal: rules that know the number of inputs
    spiking       uniform, lee, bellec, ding: rules of the spiking literature that need no data
    propagation   the variance of the voltage is carried through deep networks
    fluctuation   fluctuation, mean_driven: mean and variance of the voltage, from the rate of the inputs (`rates`)
    lsuv          mean and variance of the voltage, by scaling orthogonal weights on the first batch
    spikeinit     a firing rate, for neurons with a hard reset
    firing_rate   a firing rate, by training constant currents on the task's inputs
    biased        another rule's weights, and biases as torch draws them
    conditions    condition_I, condition_II, stability: mean and variance of recurrent weights
    report        all weights and surrogate scales written, and what came of it
    promise       what a rule is given and what it says;  weights: distributions and fan-in
"""

from snnexp.init.biased import biased
from snnexp.init.classic import glorot, kaiming, orthogonal
from snnexp.init.conditions import condition_I, condition_II, stability
from snnexp.init.firing_rate import firing_rate
from snnexp.init.fluctuation import fluctuation, mean_driven
from snnexp.init.lsuv import lsuv
from snnexp.init.promise import Initialisation, Inputs, Moments, NoInputs, Promise
from snnexp.init.propagation import propagation
from snnexp.init.report import LayerReport, initialise, off_diagonal
from snnexp.init.spikeinit import spikeinit
from snnexp.init.spiking import bellec, ding, lee, uniform

__all__ = [
    "Initialisation",
    "Inputs",
    "LayerReport",
    "Moments",
    "NoInputs",
    "Promise",
    "bellec",
    "biased",
    "condition_I",
    "condition_II",
    "ding",
    "firing_rate",
    "fluctuation",
    "glorot",
    "initialise",
    "kaiming",
    "lee",
    "lsuv",
    "mean_driven",
    "off_diagonal",
    "orthogonal",
    "propagation",
    "spikeinit",
    "stability",
    "uniform",
]
