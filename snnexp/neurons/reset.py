"""What happens to the membrane after a spike."""

from enum import StrEnum

from torch import Tensor


class Reset(StrEnum):
    """The three resets of Herranz-Celotti & Rouat (App. E) and a fourth one, with current i_t.

    pre              v_t = alpha v_{t-1} (1 - z_{t-1}) + i_t       the old voltage is forgotten  (Wozniak et al. 2020)
    post             v_t = (alpha v_{t-1} + i_t) (1 - z_{t-1})     voltage and current are       (Zenke & Vogels 2021)
    minus            v_t = alpha v_{t-1} + i_t - theta z_{t-1}     theta is lost, after the leak (Bellec et al. 2018)
    minus_immediate  v_t = alpha (v_{t-1} - theta z_{t-1}) + i_t   theta is lost, before it      (Fang et al. 2023)

    In `minus` the leak comes before the reset, and a spike costs theta whatever the leak is: snnTorch's default. In
    `minus_immediate` it costs alpha theta: SpikingJelly's soft reset.
    """

    PRE = "pre"
    POST = "post"
    MINUS = "minus"
    MINUS_IMMEDIATE = "minus_immediate"

    def apply(
        self, alpha: Tensor, v: Tensor, current: Tensor, spike: Tensor, threshold: Tensor, detach: bool
    ) -> Tensor:
        """The voltage v_t from v_{t-1}. With `detach` no gradient flows through the reset, to spike or threshold."""
        leaked = alpha * v
        if self in (Reset.PRE, Reset.POST):
            kept = 1 - (spike.detach() if detach else spike)
            return (leaked + current) * kept if self is Reset.POST else leaked * kept + current
        subtracted = threshold * spike if self is Reset.MINUS else alpha * threshold * spike
        return leaked + current - (subtracted.detach() if detach else subtracted)
