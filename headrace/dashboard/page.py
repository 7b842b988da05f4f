"""The page at `/dashboard`, and the files that it loads; it asks the server's public APIs only."""

from importlib.resources import files

from starlette.routing import BaseRoute, Route

from headrace.protocols.static_files import static_file

POLICY = "default-src 'self'"


def routes() -> list[BaseRoute]:
    """The page and its files."""
    static = files("headrace.dashboard") / "static"
    answers = {each.name: static_file(each.name, each.read_bytes(), POLICY) for each in static.iterdir()}
    page = answers.pop("index.html")
    loaded = [Route(f"/dashboard/{file}", answer) for file, answer in sorted(answers.items())]
    return [Route("/dashboard", page), Route("/dashboard/", page), *loaded]
