"""Kernels of our own, as operations of an OpenVINO graph, for processors with tiles (AMX); compiled where they run.

`library.py` has the library, `panels.py` and `halves.py` lay matrices out for it, `operations.py` makes its nodes;
`source` is C++.
"""
