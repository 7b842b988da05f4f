"""Answers that are kept, so that an equal request costs no run."""
