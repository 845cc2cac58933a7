"""A release's recipes turned into pixels again, from the user's own copy of its sources."""
