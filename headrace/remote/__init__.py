"""Repositories elsewhere: a store of objects, or a web server, kept as a folder on local disk. Knows no models."""
