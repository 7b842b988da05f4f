"""A collector of OpenTelemetry's: where it is, and what it is told of this server."""
