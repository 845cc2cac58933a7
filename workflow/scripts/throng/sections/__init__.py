"""One configuration section per stage, frozen and strict."""
