"""Metrics and plots of counters."""
