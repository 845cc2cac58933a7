"""The frame of every HTML page: one file without network, escaped, the same every time."""
