"""A route whose last part may be anything, slashes and ends of lines too: ids and names are what their clients say."""

import re

from starlette.routing import Route


def anything(route: Route) -> Route:
    """The same route, one with `{...:path}` in it, for every path that begins as it does."""
    route.path_regex = re.compile(route.path_regex.pattern.removesuffix("$") + r"\Z", re.DOTALL)
    return route
