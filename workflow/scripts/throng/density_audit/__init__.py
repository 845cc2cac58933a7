"""Whether the density labels can be believed: labellers against each other and against rendered truth."""
