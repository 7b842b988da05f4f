"""Is what was promised kept, and who is told where it is not: error budgets, alerts, and the rules for Prometheus."""
