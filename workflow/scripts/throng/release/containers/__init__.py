"""Image files taken apart without touching a pixel: what shows the picture stays, what tells of anything else goes."""
