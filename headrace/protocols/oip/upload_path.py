"""Where a file goes that comes with a load: the names of its parameters, read alike over HTTP and gRPC."""

from pathlib import PurePosixPath

from headrace.errors import InvalidRequest

FILE = "file:"
"""What the name of a parameter begins with that carries a file."""


def upload_path(name: str) -> str:
    """The path under the model's folder that a parameter names. Raises InvalidRequest where it leads elsewhere."""
    text = name.removeprefix(FILE)
    path = PurePosixPath(text)
    if path.is_absolute() or not path.parts or ".." in path.parts or "\0" in text or "\\" in text:
        raise InvalidRequest(f"{text!r} is not a path under the model's folder", f"parameters.{name}")
    return str(path)
