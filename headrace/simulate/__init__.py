"""A server's decisions in simulated time: the same policies, measured times of runs, another clock."""
