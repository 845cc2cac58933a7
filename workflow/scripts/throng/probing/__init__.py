"""What frozen networks know: linear probes of their layers, and of their counts."""
