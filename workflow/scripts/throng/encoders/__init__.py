"""Encoders: networks from a picture to features, for every stage that learns from pictures without labels."""
