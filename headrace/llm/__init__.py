"""Many sequences, one forward pass at a time."""
