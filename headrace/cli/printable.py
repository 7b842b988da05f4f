"""Words of others, as a terminal may be shown them."""


def printable(text: str) -> str:
    """With U+FFFD for each control character but tab and newline: what a model or a server says must not drive the
    terminal."""
    return "".join(each if each in "\n\t" or not _controls(each) else "\N{REPLACEMENT CHARACTER}" for each in text)


def _controls(character: str) -> bool:
    return character < " " or "\x7f" <= character <= "\x9f"
