"""Wire formats to the server's own types and back, nothing else."""
