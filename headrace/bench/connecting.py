"""Why no connection came about, in a few words."""


def reason(error: OSError) -> str:
    """What the operating system said."""
    if isinstance(error, TimeoutError) and not error.errno:
        return "no connection in time"
    return (error.strerror or str(error) or type(error).__name__).split("] ")[-1].lower()
