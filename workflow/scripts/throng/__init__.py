"""throng: a pipeline that makes crowd-counting data."""

__version__ = "0.1.0"
