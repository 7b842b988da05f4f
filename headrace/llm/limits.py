"""What one request may ask of the text around a language model; the front ends refuse more, and so does the engine."""

MAX_STOPS = 64
MAX_STOP_CHARACTERS = 1_024  # of one stop string

MAX_ALLOWED_TOKENS = 16_384
MAX_BAD_WORDS = 1_024
MAX_BAD_CHARACTERS = 16_384  # of all bad words together

MAX_TEMPLATE_CHARACTERS = 65_536  # of a chat template's source
MAX_TEMPLATE_NODES = 4_000  # expressions and statements in it, each compiled; of those known 1,300 are the most
