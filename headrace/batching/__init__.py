"""Many tensor requests, one run."""
