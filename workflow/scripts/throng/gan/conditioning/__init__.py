"""Is the requested density delivered? Judges that count people, and what their counts say of a generator.

Source: own. Published density-conditioned descendants of StyleGAN3 (Karras et al., 2021) measure image quality alone.
"""
