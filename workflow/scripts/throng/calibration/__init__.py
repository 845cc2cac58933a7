"""How many people synthesised images really show: looking, filtering, and a model of the counts' noise."""
