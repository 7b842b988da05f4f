"""The command line: `headrace <verb>`."""
