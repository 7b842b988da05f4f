"""gRPC over HTTP/2, in Python on the event loop: messages, statuses, deadlines. Knows no service and no model."""
