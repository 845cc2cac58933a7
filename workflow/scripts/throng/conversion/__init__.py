"""Square images with labels in the layout that StyleGAN's data loaders read."""
