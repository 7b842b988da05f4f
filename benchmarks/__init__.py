"""Measurements; each keeps its figures as JSON under benchmarks/results/."""
