"""Objectives and alerts of a server, made of its settings."""

import os
import socket
from collections.abc import Callable, Mapping
from pathlib import Path

from headrace.cache_folder import cache_folder
from headrace.objectives.objectives import Asked, Objectives
from headrace.objectives.receivers import receivers
from headrace.objectives.rules import Watched
from headrace.settings import Config


def watched_by(config: Config) -> Watched:
    """What the rules are made of."""
    return Watched(config.slo, config.alerts, config.memory.pressure)


def make_objectives(
    config: Config,
    asked: Asked,
    folder: Path | None,
    now_s: Callable[[], float],
    environment: Mapping[str, str] | None = None,
) -> Objectives:
    """Raises SettingInvalid for a receiver that lacks something, or whose secret is not where the settings say."""
    environment = os.environ if environment is None else environment
    server = f"{socket.gethostname()}:{config.server.http_port}"
    places = {"state": folder, "cache": cache_folder(environment)}
    return Objectives(
        watched_by(config),
        asked,
        receivers(config.alerts, server, environment),
        {name: place for name, place in places.items() if place is not None},
        folder,
        now_s,
    )
