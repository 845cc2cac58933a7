"""What the figures of a judge come to, in a sentence.

Source: own.
"""

from __future__ import annotations

from typing import Any

from throng.density_audit.correlation import signed

Record = dict[str, Any]


def verdict(samples: Record, reals: Record, target: float) -> Record:
    """Return ``obeys`` (yes, weakly, no, opposite, or untold) and the ``sentence`` that says why.

    A generator obeys where the interval of the rank correlation between asked and counted lies above 0 and its value
    reaches ``target``, mean counts rise strictly, and classes, where there are any, are met in the same share or more.
    A judge whose own correlation on real images is not above 0 can tell nothing, and one below ``target`` neither that
    a generator obeys nor that it does not. One that counts the same in every image sees nothing.
    """
    found, ceiling = samples["spearman"], reals["spearman"]["value"]
    told = f"Spearman {_measure(found)} between asked and counted; on real images it is {_measure(reals['spearman'])}"
    known = reals["spearman"]["interval"]
    if ceiling is None or known is None or known[0] <= 0:
        return _said("untold", "This judge does not tell real images apart, so it can tell nothing of these", told)
    value, ends = found["value"], found["interval"]
    if value is None or ends is None:
        value, ends = 0.0, (0.0, 0.0)
    low, high = ends
    return _judged(value, low, high, ceiling, _shortcoming(samples, target), target, told)


def _judged(value: float, low: float, high: float, ceiling: float, short: str, target: float, told: str) -> Record:
    if high < 0:
        return _said("opposite", "It does the opposite of what is asked", told)
    if value < target and ceiling < target:
        seen = "It heeds what is asked; more" if low > 0 else "Nothing of what is asked is seen in it; more"
        return _said("untold", f"{seen} than {ceiling:.2f} this judge could not see", told)
    if low <= 0:
        return _said("no", "It does not obey: what is asked for does not show in the counts", told)
    if value < target:
        also = "" if not short else f", and {short}"
        return _said("weakly", f"It heeds what is asked, less than {target:g}{also}", told)
    if short:
        return _said("weakly", f"It heeds the order, but {short}", told)
    sure = "" if low >= target else f", though {target:g} is within the interval: draw more images to be sure"
    return _said("yes", f"It obeys{sure}", told)


def share_of_ceiling(samples: Record, reals: Record) -> float | None:
    """Return the rank correlation of generated images over that of real ones; None where either is undefined."""
    value, ceiling = samples["spearman"]["value"], reals["spearman"]["value"]
    return None if value is None or not ceiling or ceiling <= 0 else value / ceiling


def _shortcoming(samples: Record, target: float) -> str:
    """Return what keeps a generator with a good correlation from obeying; empty for nothing."""
    if not samples["rising"]["strictly"]:
        return "the mean counts do not rise with every step"
    classes = samples["classes"]
    if classes is not None and classes["accuracy"]["value"] < target:
        return f"only {100 * classes['accuracy']['value']:.0f} % of the images are of the class that was asked for"
    return ""


def _measure(record: Record) -> str:
    if record["value"] is None:
        return "not defined"
    if record["interval"] is None:
        return signed(record["value"])
    low, high = record["interval"]
    return f"{signed(record['value'])} ({signed(low)} to {signed(high)})"


def _said(obeys: str, judgement: str, told: str) -> Record:
    return {"obeys": obeys, "sentence": f"{judgement}. {told[0].upper()}{told[1:]}."}
