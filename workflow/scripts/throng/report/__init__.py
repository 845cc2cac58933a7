"""One page to look at: everything a run made, in one HTML file that opens from disk."""
