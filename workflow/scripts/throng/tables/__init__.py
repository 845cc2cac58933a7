"""The tables: one frozen row type and one hand-written schema each."""
