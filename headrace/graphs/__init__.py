"""Architectures as OpenVINO graphs, made of small blocks that all families share."""
