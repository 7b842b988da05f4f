"""What could be served: files, and what they say of models."""
