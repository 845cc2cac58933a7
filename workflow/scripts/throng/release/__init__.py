"""The end product: Parquet and WebDataset shards, an index, a card, and the check that reads everything back."""
