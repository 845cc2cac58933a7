"""Rendered crowd scenes with exact truth, and the archives that hold them."""
