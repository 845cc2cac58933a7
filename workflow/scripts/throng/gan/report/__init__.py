"""What is told of a generator: figures, pictures and the page.

Source: own; the pictures with one latent per column and one label per row follow Karras et al. (2020, ADA), appendix.
"""
