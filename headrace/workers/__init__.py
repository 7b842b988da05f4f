"""The process border."""
