"""Some of what was asked and answered, kept where somebody wants it: to be asked again, and to be learned from."""
