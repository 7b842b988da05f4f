"""The ways to compute."""
