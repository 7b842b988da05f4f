"""The parts of watching, each with its listeners, its routes and its work; `observing.py` has the list."""
