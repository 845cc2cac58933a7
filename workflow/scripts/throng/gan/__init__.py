"""Generators of crowds that heed a density: networks, losses, augmentation, training, metrics, tools."""
