"""What a model's runs take, over HTTP: an endpoint of our own, which `headrace simulate` asks."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from headrace.errors import Unsupported
from headrace.gateway.allowed import named
from headrace.protocols.http import json_response
from headrace.protocols.oip.front import Front
from headrace.protocols.oip.model_version import read_model


class LatencyRoute:
    """A handler that reads the server through its front."""

    def __init__(self, front: Front) -> None:
        self._front = front

    def routes(self) -> list[Route]:
        bases = ("/v2/headrace/models/{name}", "/v2/headrace/models/{name}/versions/{version}")
        return [Route(f"{base}/latency", self.latency, methods=["GET"]) for base in bases]

    async def latency(self, request: Request) -> Response:
        """Of the model's own file, or of the variant that the query names."""
        served = self._front.registry.get(
            read_model(request.path_params["name"], request.path_params.get("version", ""))
        )
        variant = request.query_params.get("variant", "")
        if variant:
            named(variant, served.version, served.manifest.variants, "variant")
        told = self._front.times(served.version, variant)
        if told is None:
            of = f"variant {variant!r} of {served.version}" if variant else f"{served.version}"
            raise Unsupported(
                f"no times of {of} are known: it has not run yet, is a language model, or its batching.policy is not "
                "deadline"
            )
        return json_response(told)
