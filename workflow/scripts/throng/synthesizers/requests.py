"""How many people a prompt asks a maker for that can place them one by one."""

import numpy as np

from throng.seeds import generator
from throng.tables.prompts import PromptRow

STAGE = "synthesize/people"


def people_wanted(prompt: PromptRow) -> int:
    """Return the requested count; for a density, a number from ``fewest`` to ``most`` drawn by the row's own seed.

    Drawn evenly in the logarithm of the number plus one, so that thin crowds are as frequent as thick ones.
    """
    if prompt.count is not None:
        return prompt.count
    low, high = np.log(prompt.fewest + 1), np.log(prompt.most + 2)
    drawn = int(np.exp(generator(prompt.seed, STAGE, prompt.density).uniform(low, high))) - 1
    return min(max(drawn, prompt.fewest), prompt.most)
