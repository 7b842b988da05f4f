"""Traces: spans made of finished requests, and sent to a collector."""
