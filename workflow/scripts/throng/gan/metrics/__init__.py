"""How good a generator's images are: distances of features, smoothness, equivariance, and what it merely remembers."""
