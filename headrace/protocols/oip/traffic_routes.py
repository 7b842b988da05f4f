"""How a model's requests are shared among its versions, and what happened to it: headrace's own routes."""

from collections.abc import Callable, Sequence

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from headrace.errors import ModelNotFound
from headrace.protocols.http import json_response, read_json
from headrace.protocols.oip.front import Front
from headrace.protocols.oip.traffic_request import (
    RolloutBody,
    ShadowBody,
    SplitBody,
    read_rollout,
    read_shadow,
    read_split,
)
from headrace.traffic.traffic import Traffic

_SPLIT = msgspec.json.Decoder(SplitBody)
_SHADOW = msgspec.json.Decoder(ShadowBody)
_ROLLOUT = msgspec.json.Decoder(RolloutBody)


class TrafficRoutes:
    """Handlers that ask for splits, shadows and rollouts, and tell of them."""

    def __init__(self, front: Front, traffic: Traffic, events: Callable[[str], Sequence[msgspec.Struct]]) -> None:
        """`events` are those of a model, newest first."""
        self._front = front
        self._traffic = traffic
        self._events = events

    def routes(self) -> list[Route]:
        model = "/v2/headrace/models/{name}"
        return [
            Route(f"{model}/split", self.split, methods=["GET"]),
            Route(f"{model}/split", self.set_split, methods=["PUT"]),
            Route(f"{model}/split", self.remove_split, methods=["DELETE"]),
            Route(f"{model}/shadow", self.shadow, methods=["GET"]),
            Route(f"{model}/shadow", self.set_shadow, methods=["PUT"]),
            Route(f"{model}/shadow", self.remove_shadow, methods=["DELETE"]),
            Route(f"{model}/rollout", self.rollout, methods=["GET"]),
            Route(f"{model}/rollout", self.roll_out, methods=["POST"]),
            Route(f"{model}/rollout", self.roll_back, methods=["DELETE"]),
            Route(f"{model}/events", self.events, methods=["GET"]),
        ]

    async def split(self, request: Request) -> Response:
        """The split as it was asked for, and what share each version gets now."""
        name = self._name(request)
        split = self._traffic.split_of(name)
        now = self._front.registry.shares(name)
        return json_response({"name": name, "weights": split.weights, "key": split.key, "now": now})

    async def set_split(self, request: Request) -> Response:
        """Answers once its versions are ready and share the requests."""
        name = request.path_params["name"]
        split = read_split(name, await read_json(request, _SPLIT, self._front.max_body_bytes))
        await self._traffic.split(name, split)
        return json_response({"name": name, "weights": split.weights, "key": split.key})

    async def remove_split(self, request: Request) -> Response:
        await self._traffic.split(self._name(request), None)
        return Response()

    async def shadow(self, request: Request) -> Response:
        """What was seen of it since it was set, or the server started."""
        return json_response(self._traffic.shadow_of(self._name(request)))

    async def set_shadow(self, request: Request) -> Response:
        """Answers once the candidate is ready."""
        name = request.path_params["name"]
        shadow = read_shadow(name, await read_json(request, _SHADOW, self._front.max_body_bytes))
        await self._traffic.shadow(name, shadow)
        return json_response(self._traffic.shadow_of(name))

    async def remove_shadow(self, request: Request) -> Response:
        await self._traffic.shadow(self._name(request), None)
        return Response()

    async def rollout(self, request: Request) -> Response:
        """The rollout that runs, or else the last one."""
        return json_response(self._traffic.rollout_of(self._name(request)))

    async def roll_out(self, request: Request) -> Response:
        """Answers once the new version is ready and has its first share."""
        name = request.path_params["name"]
        rollout = read_rollout(name, await read_json(request, _ROLLOUT, self._front.max_body_bytes))
        await self._traffic.roll_out(name, rollout)
        return json_response(self._traffic.rollout_of(name))

    async def roll_back(self, request: Request) -> Response:
        """Answers once the old version answers all."""
        name = self._name(request)
        await self._traffic.roll_back(name)
        return json_response(self._traffic.rollout_of(name))

    async def events(self, request: Request) -> Response:
        """What happened to the model since the server started, newest first; also of one whose files are gone."""
        events = self._events(request.path_params["name"])
        return json_response(events or self._events(self._name(request)))

    def _name(self, request: Request) -> str:
        """A model that is known. Raises ModelNotFound."""
        name: str = request.path_params["name"]
        if not any(status.name == name for status in self._front.repository.index()):
            raise ModelNotFound(f"model {name!r} is not in the repository")
        return name
