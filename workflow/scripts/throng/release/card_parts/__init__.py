"""The sections of a release's card: each states what the run counted, measured or was told, and nothing else."""
