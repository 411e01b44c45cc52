"""Conditions I and II: the mean and the variance of one recurrent weight."""

from torch import Tensor

from snnexp.errors import OptionError, require
from snnexp.neurons.reset import Reset
from snnexp.stability.terms import Formula, Value, other_neurons, real


def recurrent_mean(alpha: Value, theta: Value, n_rec: int, reset: Reset, formula: Formula = Formula.DERIVED) -> Tensor:
    """Condition I: the mean recurrent weight that puts the mean voltage at threshold.

        pre     (2 - alpha) theta / (n_rec - 1)
        post   2(2 - alpha) theta / (n_rec - 1)         code: 2(1 - alpha) theta / (n_rec - 1), as without reset
        minus  (3 - 2 alpha) theta / (n_rec - 1)
        minus_immediate  as pre: half of the leaked threshold is lost, as half of the leaked voltage is there

    alpha, theta: membrane decay per step and threshold; one value, or one per postsynaptic neuron, like the result.
    Spikes are taken to be independent, with probability 1/2. The actual rate is then about 1/2 for minus at any alpha,
    for pre only where alpha is near 0, and for post never: that neuron is silent after each spike. It also takes a
    theta below the fluctuations of the voltage: above, the positive mean carries the layer off to another rate.
    Source: Lemma 1, eqs 2-24 (pre), App. E (post, minus).
    """
    alpha, theta = real(alpha), real(theta)
    match reset:
        case Reset.PRE | Reset.MINUS_IMMEDIATE:
            drive = (2 - alpha) * theta
        case Reset.POST:
            drive = 2 * (2 - alpha if formula is Formula.DERIVED else 1 - alpha) * theta
        case Reset.MINUS:
            drive = (3 - 2 * alpha) * theta
    return drive / other_neurons(n_rec)


def recurrent_variance(
    n_in: int,
    n_rec: int,
    input_second_moment: float,
    input_weight_variance: float,
    recurrent_mean: Value,
    rate: float = 0.5,
    formula: Formula = Formula.DERIVED,
) -> Tensor:
    """Condition II: the variance of a recurrent weight with which recurrence and input vary a neuron's voltage equally.

        Var[w_rec] = d / p - (1 - p) E[w_rec]^2,     d = n_in / (n_rec - 1) E[x_in^2] Var[w_in],  E[w_in] = 0

    input_second_moment: E[x_in^2] of the layer's input, its variance plus its squared mean (1/2 above another layer).
    rate: the probability p of a recurrent spike in a step.
    code: d without the division by p; and the square root of all that, divided by n_rec, because the program hands the
    standard deviation to an initialiser that expects a variance times the fan.
    Raises `OptionError` where the right side is negative, as no weights of so large a mean vary so little, and for
    a rate outside (0, 1].
    Source: Lemma 2, eqs 25-37, there with p = 1/2.
    """
    require(0 < rate <= 1, "rate", rate, "a probability of a spike is in (0, 1]")
    mean = real(recurrent_mean)
    drive = n_in / other_neurons(n_rec) * input_second_moment * input_weight_variance
    first = drive if formula is Formula.CODE else drive / rate
    variance = first - (1 - rate) * mean.square()
    if (variance < 0).any():
        worst, most = mean.abs().max().item(), (first / (1 - rate)) ** 0.5
        raise OptionError("recurrent_mean", f"{worst:.3g}", f"condition II allows at most {most:.3g} for these inputs")
    return variance.sqrt() / n_rec if formula is Formula.CODE else variance
