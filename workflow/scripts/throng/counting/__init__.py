"""Counters: networks from a photograph to a density map, their losses, training and inference."""
