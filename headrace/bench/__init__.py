"""A load generator: what a server answers under load, seen from outside."""
