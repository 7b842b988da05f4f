"""What could be served, what is, and what should be."""
