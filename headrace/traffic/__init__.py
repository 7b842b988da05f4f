"""Requests of a model shared among its versions, and what is found out by that."""
