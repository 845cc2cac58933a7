"""What one does with a trained generator or its logs by hand: pictures, films, spectra, projections, curves."""
