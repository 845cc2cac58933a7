"""A release brought to where others find it: a folder, an object store, the Hugging Face hub; never half of it."""
