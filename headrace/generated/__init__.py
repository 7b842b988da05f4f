"""Messages made from the .proto files beside them by tools/generate_protos.py."""
