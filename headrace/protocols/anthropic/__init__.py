"""The Anthropic API's messages."""
