"""Module-wise warm-up: one module of a network learns after the other, then all of them together."""

from __future__ import annotations

from torch import nn

from throng.counting.network import Counter
from throng.errors import ThrongError


class ModuleWarmup:
    """Lets one module of a counter train in each of its first spans of ``module_steps`` steps, and all of it after.

    Called with a step (1, 2, ...) when its gradients are complete, it drops those of all other modules, so that neither
    weights nor moments of theirs move and no decay touches them; running statistics of batch norm are measured
    all the time. Raises ThrongError when the spans leave no step of ``steps`` for the whole network.
    """

    def __init__(self, model: Counter, module_steps: int, steps: int) -> None:
        modules = modules_in_turn(model)
        if module_steps * len(modules) >= steps:
            raise ThrongError(
                f"module_steps {module_steps} for each of {len(modules)} modules leave none of the {steps} steps "
                f"for the whole network: train longer, or lower module_steps"
            )
        self._module_steps = module_steps
        chosen = [{id(parameter) for parameter in module.parameters()} for module in modules]
        self._others = [[p for p in model.parameters() if id(p) not in own] for own in chosen]

    def __call__(self, step: int) -> None:
        """Drop the gradients of all that does not train in this step."""
        turn = (step - 1) // self._module_steps
        for parameter in self._others[turn] if turn < len(self._others) else ():
            parameter.grad = None


def modules_in_turn(model: Counter) -> list[nn.Module]:
    """Return the modules that train one after another: those that the network names, or its children with parameters.

    A network names them by a method ``modules_in_turn``.
    """
    named = getattr(model.network, "modules_in_turn", None)
    modules = named() if named is not None else list(model.network.children())
    return [module for module in modules if any(True for _ in module.parameters())]
