"""The OpenAI API over HTTP, with the fields that vLLM adds to it."""
