"""Both servers of gRPC, for tests that meet one."""

from typing import Any

import pytest


@pytest.fixture(params=["native", "grpcio"])
def kind(request: pytest.FixtureRequest) -> Any:
    """Which server it is."""
    return request.param
