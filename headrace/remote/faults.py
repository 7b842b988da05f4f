"""What can go wrong with a repository elsewhere; none of it reaches a client."""


class RemoteFault(Exception):
    """The repository, or a part of it, cannot be had now: why, and what to do, in one line."""


class Changed(RemoteFault):
    """An object is not any more what the listing said."""


class NoRange(RemoteFault):
    """The server gives a file from its beginning only."""
