"""Settings: which source wins, and what is refused with which words."""

import math
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.config import OF_A_TENANT, SETTINGS, Given, from_assignment, load_config, setting_of
from headrace.errors import SettingInvalid
from headrace.settings import Config
from headrace.tenants import Tenant


def _file(folder: Path, text: str) -> Path:
    path = folder / "headrace.toml"
    path.write_text(text)
    return path


def test_without_sources_every_setting_is_the_default() -> None:
    loaded = load_config()
    assert loaded.config == Config()
    assert set(loaded.sources.values()) == {"default"}


def test_flags_win_over_environment_over_file(tmp_path: Path) -> None:
    file = _file(tmp_path, "[server]\nhttp_port = 1\ngrpc_port = 1\ndrain_s = 1\n")
    environment = {"HEADRACE_SERVER__HTTP_PORT": "2", "HEADRACE_SERVER__GRPC_PORT": "2"}
    loaded = load_config(file, environment, [from_assignment("server.http_port=3")])
    assert (loaded.config.server.http_port, loaded.config.server.grpc_port) == (3, 2)
    assert loaded.config.server.drain_s == 1.0
    assert loaded.sources["server.http_port"] == "--set"
    assert loaded.sources["server.grpc_port"] == "environment HEADRACE_SERVER__GRPC_PORT"
    assert loaded.sources["server.drain_s"] == f"file {file}"


def test_lines_may_end_and_files_begin_as_on_windows(tmp_path: Path) -> None:
    file = _file(tmp_path, "\ufeff[log]\r\nformat = 'json'\r\n")
    assert load_config(file).config.log.format == "json"


def test_the_file_may_be_named_by_the_environment(tmp_path: Path) -> None:
    file = _file(tmp_path, "log = { format = 'json' }")
    assert load_config(environment={"HEADRACE_CONFIG": str(file)}).config.log.format == "json"


def test_a_file_that_is_given_wins_over_the_one_in_the_environment(tmp_path: Path) -> None:
    file = _file(tmp_path, "log = { level = 'debug' }")
    assert load_config(file, {"HEADRACE_CONFIG": "/nowhere.toml"}).config.log.level == "debug"


def test_double_underscores_nest_as_deep_as_the_tree() -> None:
    loaded = load_config(environment={"HEADRACE_PROTOCOLS__OIP__SHARED_MEMORY": "true"})
    assert loaded.config.protocols.oip.shared_memory


def test_variables_of_others_are_left_alone() -> None:
    assert load_config(environment={"HEADRACES": "1", "PATH": "/bin"}).config == Config()


def test_a_setting_is_written_as_it_is_loaded() -> None:
    loaded = load_config(flags=[from_assignment("batching.tolerance=0.5")])
    assert loaded.values()["batching.tolerance"] == 0.5
    assert list(loaded.values()) == list(SETTINGS)


def test_tenants_are_named_in_a_table_and_their_settings_come_last(tmp_path: Path) -> None:
    file = _file(tmp_path, "[tenants]\nalice = { weight = 2, rate = 100, burst = 200 }\n'b.c' = {}\n")
    loaded = load_config(file, flags=[from_assignment("tenants.alice.rate=10")])
    assert loaded.config.tenants == {"alice": Tenant(2, 10, 200), "b.c": Tenant()}
    values = loaded.values()
    assert list(values) == [
        *SETTINGS,
        *(f"tenants.{name}.{field}" for name in ("alice", "b.c") for field in ("weight", "rate", "burst")),
    ]
    assert (values["tenants.alice.rate"], loaded.sources["tenants.alice.rate"]) == (10, "--set")
    assert (values["tenants.b.c.rate"], loaded.sources["tenants.b.c.rate"]) == (math.inf, "default")


def test_a_tenant_may_be_named_by_the_environment() -> None:
    loaded = load_config(environment={"HEADRACE_TENANTS__ALICE__RATE": "5"})
    assert loaded.config.tenants == {"alice": Tenant(rate=5)}


def test_a_tenants_setting_is_known_by_its_key() -> None:
    assert setting_of("tenants.a.b.rate") is OF_A_TENANT["tenants.NAME.rate"]
    assert setting_of("tenants.alice") is None
    assert setting_of("batching.lanes") is SETTINGS["batching.lanes"]


@pytest.mark.parametrize("budget", ["", "auto", "0.5%", "100%", "100.0 %", "1B", "0.5GiB", "10 MB"])
def test_a_budget_is_an_amount_of_memory_a_share_of_it_or_none(budget: str) -> None:
    assert load_config(flags=[from_assignment(f"memory.budget={budget}")]).config.memory.budget == budget


@pytest.mark.parametrize("names", ["", "models.example.org", " a  b_1.c-2.\td "])
def test_names_have_spaces_between(names: str) -> None:
    assert load_config(flags=[Given("server.names", names, "--set")]).config.server.names == names


@pytest.mark.parametrize(("text", "lanes"), [("auto", "auto"), ("1", 1), ("2", 2)])
def test_lanes_are_a_word_or_a_number(text: str, lanes: str | int) -> None:
    assert load_config(flags=[from_assignment(f"batching.lanes={text}")]).config.batching.lanes == lanes


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[server]\nhttp_prt = 1", "no setting 'server.http_prt' (from file {file}); did you mean 'server.http_port'?"),
        ("[serve]\nhost = 'a'", "no setting 'serve.host' (from file {file}); did you mean 'server.host'?"),
        ("[tea]\npot = 1", "no setting 'tea.pot' (from file {file}); `headrace config` lists them all"),
        ("batching = false", "no setting 'batching' (from file {file}); it holds batching.max_size,"),
        ("[tea]", "no setting 'tea' (from file {file})"),
        ("[server]\nhttp_port = '80'", "server.http_port: '80' (from file {file}) is not a whole number of at least 0"),
        ("[server]\nhttp_port = '80'", "; write it without quotes: 80"),
        ("[server]\ngrpc = 'false'", "is not true or false; write it without quotes: false"),
        ("[server]\nhttp_port = true", "server.http_port: true (from file {file}) is not a whole number"),
        ("[server]\nhttp_port = 8.5", "server.http_port: 8.5 (from file {file}) is not a whole number"),
        ("[server.http_port]\nx = 1", "server.http_port: a table (from file {file}) is not a whole number"),
        ("[server]\ndrain_s = nan", "server.drain_s: nan (from file {file}) is not a number of at least 0"),
        ("[server]\ninsecure = 'yes'", "server.insecure: 'yes' (from file {file}) is not true or false"),
        (
            "[tenants.alice]\nrat = 1",
            "no setting 'tenants.alice.rat' (from file {file}); a tenant has weight, rate, burst",
        ),
        ("[tenants]\nalice = 1", "no setting 'tenants.alice' (from file {file}); a tenant has weight"),
        ("tenants = 1", "no setting 'tenants' (from file {file}); a tenant has weight"),
        ("[tenants]\n'' = { rate = 1 }", "no setting 'tenants..rate' (from file {file}); a tenant has"),
        ("[tenants.alice]\nrate = 0", "tenants.alice.rate: 0 (from file {file}) is not a number of at least 0.001"),
        ("[tenants.alice]\nrate = nan", "tenants.alice.rate: nan (from file {file}) is not a number of at least 0.001"),
        ("[tenants.alice]\nweight = -1", "tenants.alice.weight: -1 (from file {file}) is not a number of at least"),
        ("[tenants.alice]\nburst = 1.5", "tenants.alice.burst: 1.5 (from file {file}) is not a whole number"),
        ("[tenants.alice]\nburst = 5", "tenants.alice.burst: goes with a rate, and there is none"),
        ("[batching]\nlanes = 3", "batching.lanes: 3 (from file {file}) is not one of auto, 1, 2"),
        (
            "[batching]\nlanes = 2\n[workers]\ninstances = 3",
            "batching.lanes: says 2 side by side, and workers.instances says 3; leave one of them out",
        ),
        (
            "[batching]\npolicy = 'best'",
            "batching.policy: 'best' (from file {file}) is not one of deadline, fixed",
        ),
        (
            "[grpc]\nmax_message_bytes = 99999999999999999999",
            "grpc.max_message_bytes: 99999999999999999999 (from file {file}) is not a whole number of at least -1",
        ),
        (
            "[slo.fast]\nlong_s = 10",
            "slo.fast.short_s: says 300, and slo.fast.long_s says 10; give no more than that",
        ),
        (
            "[server]\nnames = 'http://x'",
            "server.names: 'http://x' (from file {file}) is not names such as models.exampl",
        ),
        ("[server]\nnames = 'a,b'", "server.names: 'a,b' (from file {file}) is not names such as models.example.org"),
        ("[memory]\nbudget = '100.5%'", "memory.budget: '100.5%' (from file {file}) is not bytes as in 512MiB or 2GiB"),
        ("[memory]\nbudget = '0%'", "memory.budget: '0%' (from file {file}) is not bytes as in 512MiB or 2GiB"),
        ("[memory]\nbudget = '0.0 MiB'", "memory.budget: '0.0 MiB' (from file {file}) is not bytes as in 512MiB"),
        ("[log]\nformat = 1979-05-27", "log.format: 1979-05-27 (from file {file}) is not one of text, json"),
        ("[log]\nformat = 'xml'", "log.format: 'xml' (from file {file}) is not one of text, json"),
        (
            "a = 1\n[server b",
            "{file} is not TOML: Expected ']' at the end of a table declaration (at line 2, column 9)",
        ),
    ],
)
def test_what_is_wrong_in_a_file_is_named_with_what_would_be_right(tmp_path: Path, text: str, message: str) -> None:
    file = _file(tmp_path, text)
    with pytest.raises(SettingInvalid) as caught:
        load_config(file)
    assert message.format(file=file) in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (".".join(["a"] * 3_000) + " = 1", "has a key of more than 16 parts"),
        ("a = " + "[" * 3_000 + "]" * 3_000, "is nested too deep"),
        ("a = " + "1" * 5_000, "has a number of more than 100 digits"),
    ],
)
def test_a_file_that_would_take_its_reader_without_end_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(SettingInvalid, match=rf"headrace\.toml {message}"):
        load_config(_file(tmp_path, text))


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SettingInvalid, match=r"none\.toml cannot be read: No such file"):
        load_config(tmp_path / "none.toml")


def test_a_file_that_is_not_text_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(SettingInvalid, match="is not TOML"):
        load_config(tmp_path / "x.toml")


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("server.http_port", "--set 'server.http_port' has no value"),
        ("server.http_port=99999", "server.http_port: '99999' (from --set) is not a whole number of at least 0"),
        ("server.http_port=", "server.http_port: '' (from --set) is not"),
        ("http_port=1", "did you mean 'server.http_port'?"),
        ("batching.max_delay_ms=inf", "'inf' (from --set) is not a number of at least 0 and at most 60000"),
        ("server.host=", "server.host: '' (from --set) is not text, and not empty"),
    ],
)
def test_what_is_wrong_in_a_flag_is_named_with_what_would_be_right(assignment: str, message: str) -> None:
    with pytest.raises(SettingInvalid) as caught:
        load_config(flags=[from_assignment(assignment)])
    assert message in str(caught.value)


@pytest.mark.parametrize("name", ["HEADRACE_LOG__FORMT", "HEADRACE_LOG_FORMAT"])
def test_an_unknown_variable_is_refused_and_the_nearest_is_named_as_a_variable(name: str) -> None:
    with pytest.raises(SettingInvalid, match=rf"from environment {name}\); did you mean 'HEADRACE_LOG__FORMAT'\?"):
        load_config(environment={name: "json"})


@pytest.mark.parametrize("key", SETTINGS)
def test_every_setting_says_what_it_means_in_a_sentence_and_takes_its_own_default(key: str) -> None:
    known = SETTINGS[key]
    assert known.meaning[0].isupper()
    assert known.meaning.endswith(".")
    assert load_config(flags=[Given(known.key, known.default, "test", text=False)]).config == Config()


@pytest.mark.fuzz
@given(st.binary(max_size=200))
def test_any_bytes_as_a_file_are_settings_or_an_error_of_ours(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    file = tmp_path_factory.mktemp("config") / "any.toml"
    file.write_bytes(data)
    try:
        load_config(file)
    except SettingInvalid:
        pass


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@pytest.mark.fuzz
@given(st.sampled_from(sorted(SETTINGS)), JSON)
def test_any_value_is_one_that_the_setting_takes_or_is_refused(key: str, value: object) -> None:
    try:
        loaded = load_config(flags=[Given(key, value, "test", text=False)])
    except SettingInvalid as error:
        assert error.where == key
    else:
        assert msgspec.convert(msgspec.to_builtins(loaded.config), Config) == loaded.config
