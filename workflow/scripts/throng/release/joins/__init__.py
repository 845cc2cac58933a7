"""Which rows of which tables make a sample of each product: planned on columns of keys, made in batches of rows."""
