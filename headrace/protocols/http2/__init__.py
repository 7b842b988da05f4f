"""A server's side of HTTP/2 (RFC 9113): frames, header blocks, flow control and limits. Knows no gRPC."""
