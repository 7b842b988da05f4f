"""HTTP connections whose inferences of pages are answered through ASGI, as everything else of browsers is.

There `same_origin.py` says whether they may ask, and `cross_origin.py` marks the answers; programs, which send no
`Origin`, keep the lane below it.
"""

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from headrace.protocols.oip.front import Front
from headrace.protocols.oip.infer_lane import lane
from headrace.types import ModelRef


def lane_of(front: Front) -> type[HttpToolsProtocol]:
    """The connection class for `uvicorn.Config(http=...)` of the server that `front` shows."""
    plain = lane(front)

    class BrowserLane(plain):  # type: ignore[misc, valid-type]
        def _open(self, model: ModelRef) -> None:
            if any(name == b"origin" for name, _ in self.headers):
                self._hand_to_asgi()
            else:
                super()._open(model)

    return BrowserLane
