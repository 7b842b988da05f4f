"""The page at `/`, and the files that it loads: a place to try models, which asks the server's public APIs only."""

from importlib.resources import files

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from headrace.protocols.static_files import static_file

POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'"
"""Nothing from elsewhere, nothing written into the page itself: what a model says cannot become a script."""


def routes(name: str, version: str) -> list[BaseRoute]:
    """The page, with the server's name and version for programs that ask for `/`."""
    told = {"name": name, "version": version, "models": "/v2/repository/index", "playground": "/ in a browser"}
    static = files("headrace.playground") / "static"
    answers = {each.name: static_file(each.name, each.read_bytes(), POLICY) for each in static.iterdir()}

    async def root(request: Request) -> Response:
        if "text/html" in request.headers.get("accept", ""):
            return await page(request)
        return JSONResponse(told, headers={"vary": "accept"})

    page = answers.pop("index.html")
    loaded = [Route(f"/playground/{file}", answer) for file, answer in sorted(answers.items())]
    return [Route("/", root), *loaded]
