"""The ladder: counters that have seen no human label, one step above the other, measured on the same photographs."""
