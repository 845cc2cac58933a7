"""A run seen from outside: which jobs there are, how far they are, what they cost."""
