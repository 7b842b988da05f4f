"""What one request may ask of the text around a language model."""

MAX_TEMPLATE_CHARACTERS = 65_536  # of a chat template's source
MAX_TEMPLATE_NODES = 4_000  # expressions and statements in it, each compiled; of those known 1,300 are the most
