"""What every SDK of this folder is made to ask, so that their answers can be compared."""

from typing import Any

CHAT, TEXTS = "smollm2", "minilm_text"
QUESTION = "Which city is the capital of France?"
MESSAGES: list[Any] = [{"role": "user", "content": QUESTION}]

CITY: dict[str, Any] = {
    "type": "object",
    "properties": {"city": {"type": "string", "maxLength": 20}},
    "required": ["city"],
    "additionalProperties": False,
}
WEATHER = "weather"
"""The name of a tool whose arguments are a CITY."""
