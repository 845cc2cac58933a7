"""StyleGAN3's generator (configurations t and r) and StyleGAN2's discriminator, written from the papers.

Karras et al., "Alias-Free Generative Adversarial Networks", NeurIPS 2021 (generator); Karras et al., "Analyzing and
Improving the Image Quality of StyleGAN", CVPR 2020 (discriminator).
"""

from throng.gan.stylegan3.discriminator import Discriminator
from throng.gan.stylegan3.generator import Generator, rotation, translation

__all__ = ["Discriminator", "Generator", "rotation", "translation"]
