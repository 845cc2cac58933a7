"""Diffusion pipelines from a folder: loaded, tried out, made fast, and sampled reproducibly; shared by every task."""
