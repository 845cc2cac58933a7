"""Seconds as people say them."""


def duration(seconds: float | None) -> str:
    """Return seconds as people say them: ``3 min``, ``2 h 05 min``; ``?`` when unknown."""
    if seconds is None:
        return "?"
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"
