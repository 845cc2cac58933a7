"""Near copies of images: perceptual hashes, what lies near, and whether one picture lies on the other."""
