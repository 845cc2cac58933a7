"""What a filtered leaky ReLU and its adjoint have in common: rise to the fine grid, bend there, fall from it.

The gradient of "up-sample, bend, down-sample" is "up-sample, multiply by the slope, down-sample" with the two filters
exchanged and flipped (Karras et al. 2021, Sec. 3.2), so every implementation needs one routine for both.
"""

from __future__ import annotations

from dataclasses import dataclass

from throng.errors import ThrongError
from throng.gan.filtered_lrelu.taps import Terms
from throng.gan.resample import Padding

Size = tuple[int, int]


@dataclass(frozen=True)
class Pass:
    """Sizes are (rows, columns). Sample m of the fine grid and sample c of the result are, along either axis,

    fine[m] = sum_t rise[t] source[(m + T - 1 - t - rise_before) / rise_step], where that is a whole number, and
    result[c] = sum_t fall[t] fine[c fall_step + T - 1 - t - fall_before], with zeros outside source and fine.
    """

    source: Size
    fine: Size
    result: Size
    rise: Terms
    rise_step: int
    rise_before: Size
    fall: Terms
    fall_step: int
    fall_before: Size

    def adjoint(self) -> Pass:
        """Return the pass that takes a gradient of the result to the gradient of the source."""
        down, up = self.fall.taps - 1, self.rise.taps - 1
        return Pass(
            self.result,
            self.fine,
            self.source,
            self.fall.flipped(),
            self.fall_step,
            (down - self.fall_before[0], down - self.fall_before[1]),
            self.rise.flipped(),
            self.rise_step,
            (up - self.rise_before[0], up - self.rise_before[1]),
        )


def forward_pass(source: Size, up_terms: Terms, down_terms: Terms, up: int, down: int, padding: Padding) -> Pass:
    """Return the pass of a filtered leaky ReLU; raise ThrongError when the filters leave no pixel."""
    left, right, top, bottom = padding
    fine = (
        source[0] * up + top + bottom - up_terms.taps + 1,
        source[1] * up + left + right - up_terms.taps + 1,
    )
    result = tuple(-(-(length - down_terms.taps + 1) // down) for length in fine)
    if min(*fine, *result) < 1:
        raise ThrongError(
            f"nothing is left of {source[1]}x{source[0]} pixels up-sampled by {up}, padded by {padding} and filtered "
            f"by {up_terms.taps} and {down_terms.taps} taps: pad more or use shorter filters"
        )
    return Pass(source, fine, (result[0], result[1]), up_terms.scaled(up), up, (top, left), down_terms, down, (0, 0))
