"""Memory that never runs out: what there is, what is promised to whom, and who gives it back. Knows no loop."""
