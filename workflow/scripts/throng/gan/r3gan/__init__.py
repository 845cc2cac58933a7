"""R3GAN: residual networks without style, normalisation or mapping, for relativistic training.

Huang et al. (2024), "The GAN is dead; long live the GAN! A Modern GAN Baseline", arXiv 2501.05441, section 3.
"""

from throng.gan.r3gan.discriminator import Discriminator
from throng.gan.r3gan.generator import Generator

__all__ = ["Discriminator", "Generator"]
