"""The flags that make settings."""

from pathlib import Path

import pytest

from headrace.cli.parser import Parser
from headrace.cli.settings import add_setting_flags, settings_of
from headrace.config import Loaded
from headrace.errors import SettingInvalid


def _loaded(*arguments: str) -> Loaded:
    parser = Parser()
    parser.add_argument("--http-port")
    add_setting_flags(parser)
    return settings_of(parser.parse_args(arguments), {"--http-port": "server.http_port"})


def test_set_may_be_repeated_and_the_last_wins() -> None:
    loaded = _loaded("--set", "log.level=debug", "--set", "server.host=::1", "--set", "log.level=error")
    assert (loaded.config.log.level, loaded.config.server.host) == ("error", "::1")


def test_a_named_flag_wins_over_set_and_is_the_source() -> None:
    loaded = _loaded("--http-port", "9", "--set", "server.http_port=8")
    assert loaded.config.server.http_port == 9
    assert loaded.sources["server.http_port"] == "--http-port"


def test_a_wrong_value_names_the_flag() -> None:
    with pytest.raises(SettingInvalid, match="'x' \\(from --http-port\\) is not a whole number"):
        _loaded("--http-port", "x")


def test_a_file_and_the_environment_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.toml").write_text("[batching]\nmax_size = 3\nmax_queue = 3\n")
    monkeypatch.setenv("HEADRACE_BATCHING__MAX_QUEUE", "4")
    batching = _loaded("--config", str(tmp_path / "a.toml")).config.batching
    assert (batching.max_size, batching.max_queue) == (3, 4)
