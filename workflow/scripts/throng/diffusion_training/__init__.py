"""Small diffusion pipelines of our own, learnt from rendered scenes: data, tokenizer, networks, training, folders."""
