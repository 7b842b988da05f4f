"""Where a server spends its time, seen while it runs."""
