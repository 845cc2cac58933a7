"""A released folder as torch datasets: points, pairs, counts and densities, ready for throng's own trainers."""
