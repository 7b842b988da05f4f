"""Numbers as people read them."""


def numeral(value: float, digits: int = 3) -> str:
    """So many digits, and all before the point: `0.0123`, `12.3`, `12,345`. Never `1.23e+04`."""
    short = f"{value:,.{digits}g}"
    return f"{value:,.0f}" if "e+" in short else short
