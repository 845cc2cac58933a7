"""throng: a pipeline that makes crowd-counting data."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from throng.opening.opened import open_release as open

__all__ = ["__version__", "open"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Return ``throng.open``, importing what it needs, torch with the rest, only once it is asked for."""
    if name == "open":
        from throng.opening.opened import open_release

        return open_release
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
