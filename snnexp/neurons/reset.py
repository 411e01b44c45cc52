"""What happens to the membrane after a spike."""

from enum import StrEnum

from torch import Tensor


class Reset(StrEnum):
    """The three resets of Herranz-Celotti & Rouat (App. E), with leaked voltage l_t = alpha v_{t-1} and current i_t.

    pre    v_t = l_t (1 - z_{t-1}) + i_t      the old voltage is forgotten, the current is not   (Wozniak et al. 2020)
    post   v_t = (l_t + i_t) (1 - z_{t-1})    voltage and current are forgotten                  (Zenke & Vogels 2021)
    minus  v_t = l_t + i_t - theta z_{t-1}    the threshold is subtracted                        (Bellec et al. 2018)
    """

    PRE = "pre"
    POST = "post"
    MINUS = "minus"

    def apply(self, leaked: Tensor, current: Tensor, spike: Tensor, threshold: Tensor, detach: bool) -> Tensor:
        """The voltage v_t. With `detach` no gradient flows through the reset, to spike or threshold."""
        if self is Reset.MINUS:
            subtracted = threshold * spike
            return leaked + current - (subtracted.detach() if detach else subtracted)
        kept = 1 - (spike.detach() if detach else spike)
        return (leaked + current) * kept if self is Reset.POST else leaked * kept + current
