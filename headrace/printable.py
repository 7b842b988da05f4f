"""Words of others, as a terminal or a line of the log may hold them."""

import unicodedata


def printable(text: str) -> str:
    """On one line: whatever could end a line, steer a terminal or turn the words around is written
    as an escape, so that nobody's name or text makes a line or a row of its own."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def printable_lines(text: str) -> str:
    """Of many lines, as a model writes: with U+FFFD for each character that could steer the terminal or turn the words
    around, tab and newline excepted."""
    if text.isprintable():
        return text
    return "".join("\N{REPLACEMENT CHARACTER}" if _steers(each) else each for each in text)


def _steers(character: str) -> bool:
    """Controls, separators of lines, and what has text run the other way (an embedding, an override, an isolate)."""
    if character in "\n\t":
        return False
    category, direction = unicodedata.category(character), unicodedata.bidirectional(character)
    return category in ("Cc", "Cs", "Zl", "Zp") or direction in _TURNS


_TURNS = ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
