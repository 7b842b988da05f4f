"""A repository of another place: brought here, or what was brought before."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
import uvloop

from headrace.cli.failure import Failure
from headrace.cli.main import main
from headrace.cli.repository import kept, local_path, place
from headrace.remote.mirror import Mirror
from headrace.settings import Config, Remote
from tests.remote.servers import web, write_index


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "site" / "m" / "1").mkdir(parents=True)
    (tmp_path / "site" / "m" / "1" / "model.fake").write_text("one")
    write_index(tmp_path / "site")
    return tmp_path / "site"


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config(remote=Remote(dir=str(tmp_path / "remote")))


def test_what_is_at_an_address_is_brought_here(site: Path, config: Config) -> None:
    with web(site) as (host, port):
        where = place(f"http://{host}:{port}")
        with kept(where, config) as repository:
            assert (repository.path / "m" / "1" / "model.fake").read_text() == "one"
            assert repository.follow
            assert repository.path == local_path(where, config)


def test_where_it_cannot_be_had_what_was_brought_before_serves_and_that_is_said(
    site: Path, config: Config, capsys: pytest.CaptureFixture[str]
) -> None:
    with web(site) as (host, port):
        where = place(f"http://{host}:{port}")
        with kept(where, config):
            pass
    with kept(where, config) as repository:
        assert (repository.path / "m" / "1" / "model.fake").read_text() == "one"
    assert "does not answer, or was cut off; see to the network; what is here is served" in capsys.readouterr().err


def test_where_nothing_was_ever_brought_it_ends_with_the_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], config: Config
) -> None:
    with web(tmp_path) as (host, port):
        arguments = ["models", f"http://{host}:{port}/none", "--set", f"remote.dir={config.remote.dir}"]
        assert main(arguments) == 1
    assert "/none/index.json is not there; a web server has to say in it what it holds" in capsys.readouterr().err


def test_it_is_brought_by_a_loop_that_keeps_hold_of_the_interpreter_while_a_stores_thread_wakes_it(
    site: Path, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    loops: list[asyncio.AbstractEventLoop] = []
    sync = Mirror.sync

    async def noted(mirror: Mirror, *args: Any, **options: Any) -> Any:
        loops.append(asyncio.get_running_loop())
        return await sync(mirror, *args, **options)

    monkeypatch.setattr(Mirror, "sync", noted)
    with web(site) as (host, port), kept(place(f"http://{host}:{port}"), config):
        assert isinstance(loops[0], uvloop.Loop)


def test_a_second_server_of_one_address_is_refused(site: Path, config: Config) -> None:
    with web(site) as (host, port):
        where = place(f"http://{host}:{port}")
        with kept(where, config), pytest.raises(Failure, match="keeps the mirror"), kept(where, config):
            pass


def test_without_a_home_a_place_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    with pytest.raises(Failure, match=r"neither remote\.dir nor a home is set"):
        local_path(place("s3://bucket"), Config())
