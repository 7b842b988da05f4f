"""headrace: state what you need, and it finds, proves and keeps the way to serve it."""

__version__ = "0.1.0"
