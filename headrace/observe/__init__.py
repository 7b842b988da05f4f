"""Listens to records; the request path never imports it."""
