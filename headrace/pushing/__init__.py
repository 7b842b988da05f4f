"""Metrics sent to a collector, beside the page that others fetch."""
