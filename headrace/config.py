"""The settings in force, one frozen tree: defaults, then file, environment and flags; unknown keys are refused.

Knows no server; computed values are never written back here.
"""

import difflib
import types
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from headrace.errors import SettingInvalid
from headrace.setting import Setting, Value, settings_in
from headrace.settings import Config
from headrace.tenants import Tenant, check_tenants, is_tenant
from headrace.toml_text import read_toml, written

PREFIX = "HEADRACE_"
FILE_VARIABLE = "HEADRACE_CONFIG"
"""The environment variable that names the settings file; every other HEADRACE_ variable is a setting."""
_FROM_ENVIRONMENT = "environment "


class Given(msgspec.Struct, frozen=True):
    """One setting as somebody gave it. `text` where the value is yet to be read as the setting's type."""

    key: str
    value: object
    source: str
    text: bool = True


class Loaded(msgspec.Struct, frozen=True):
    """The settings in force, and where each came from ("default", "file x.toml", "flag --set", ...)."""

    config: Config
    sources: Mapping[str, str]

    def values(self) -> dict[str, Value]:
        """Every setting's value by its dotted key, in the order of the tree, those of tenants last."""
        tree = msgspec.to_builtins(self.config)
        return {key: _at(tree, key) for key in (*SETTINGS, *_keys_of(self.config.tenants))}


def load_config(
    file: Path | None = None, environment: Mapping[str, str] | None = None, flags: Iterable[Given] = ()
) -> Loaded:
    """The settings from every source, a later one winning. `file` wins over $HEADRACE_CONFIG.

    Raises SettingInvalid, which names the setting, the source and what would be right.
    """
    environment = environment or {}
    if file is None and environment.get(FILE_VARIABLE):
        file = Path(environment[FILE_VARIABLE])
    values: dict[str, Value] = {}
    sources = dict.fromkeys(SETTINGS, "default")
    for given in (*(_from_file(file) if file else ()), *_from_environment(environment), *flags):
        values[given.key] = _read(given)
        sources[given.key] = given.source
    config = msgspec.convert(_nested(values), Config)
    check_tenants(config.tenants)
    _check_lanes(config)
    _check_windows(config)
    return Loaded(config, dict.fromkeys(_keys_of(config.tenants), "default") | sources)


def from_assignment(text: str, source: str = "--set") -> Given:
    """One setting from `key=value`. Raises SettingInvalid where there is no `=`."""
    key, equals, value = text.partition("=")
    if not equals:
        raise SettingInvalid(f"{source} {text!r} has no value; write {source} KEY=VALUE, as in server.http_port=9000")
    return Given(key.strip(), value.strip(), source)


def _from_environment(environment: Mapping[str, str]) -> Iterator[Given]:
    for name in sorted(environment):
        if name.startswith(PREFIX) and name != FILE_VARIABLE:
            key = name.removeprefix(PREFIX).lower().replace("__", ".")
            yield Given(key, environment[name], _FROM_ENVIRONMENT + name)


def _from_file(file: Path) -> Iterator[Given]:
    try:
        tree = read_toml(file.read_text(encoding="utf-8-sig"))  # editors of Windows put a mark first
    except OSError as error:
        raise SettingInvalid(f"the settings file {file} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SettingInvalid(f"the settings file {file} is not TOML: {error}") from error
    except ValueError as error:
        raise SettingInvalid(f"the settings file {file} {error}") from error
    for key, value in _leaves(tree):
        yield Given(key, value, f"file {file}", text=False)


def _leaves(tree: Mapping[str, object], above: str = "") -> Iterator[tuple[str, object]]:
    """Tables are walked down to settings; a table where a setting should be is a leaf, and found wrong as one."""
    for name, value in tree.items():
        key = f"{above}{name}"
        if isinstance(value, dict) and value and key not in SETTINGS:
            yield from _leaves(value, f"{key}.")
        elif value == {} and above == "tenants.":
            yield f"{key}.weight", Tenant().weight  # it is named, and has what a tenant has by itself
        elif value != {} or key not in _SECTIONS:
            yield key, value


def setting_of(key: str) -> Setting | None:
    """The setting that a dotted key means."""
    match _path(key):
        case ["tenants", name, field] if is_tenant(name):
            return OF_A_TENANT.get(f"tenants.NAME.{field}")
    return SETTINGS.get(key)


def _check_lanes(config: Config) -> None:
    """Raises SettingInvalid where two settings say how many runs go side by side, and not the same."""
    lanes, instances = config.batching.lanes, config.workers.instances
    if lanes != "auto" and instances not in (1, lanes):
        message = f"says {lanes} side by side, and workers.instances says {instances}; leave one of them out"
        raise SettingInvalid(message, "batching.lanes")


def _check_windows(config: Config) -> None:
    """Raises SettingInvalid where the shorter of two windows is the longer one."""
    for name, speed in (("fast", config.slo.fast), ("medium", config.slo.medium), ("slow", config.slo.slow)):
        if speed.short_s > speed.long_s:
            message = f"says {speed.short_s:g}, and slo.{name}.long_s says {speed.long_s:g}; give no more than that"
            raise SettingInvalid(message, f"slo.{name}.short_s")


def _keys_of(tenants: Iterable[str]) -> list[str]:
    """The settings of tenants of these names."""
    return [f"tenants.{name}.{field}" for name in tenants for field in Tenant.__struct_fields__]


def _path(key: str) -> list[str]:
    """The parts of a dotted key; a tenant's name may itself have dots."""
    section, _, rest = key.partition(".")
    name, _, field = rest.rpartition(".")
    return [section, name, field] if section == "tenants" and is_tenant(name) else key.split(".")


def _read(given: Given) -> Value:
    setting = setting_of(given.key)
    if setting is None:
        hint = _suggestion(given.key, variable=given.source.startswith(_FROM_ENVIRONMENT))
        raise SettingInvalid(f"there is no setting {given.key!r} (from {given.source}); {hint}")
    try:
        value: Value = msgspec.convert(given.value, setting.type, strict=not given.text)
    except msgspec.ValidationError:
        message = f"{_shown(given.value)} (from {given.source}) is not {setting.takes}{_quoted(given, setting)}"
        raise SettingInvalid(message, given.key) from None
    return value


def _shown(value: object) -> str:
    """A value about as it was written."""
    return "a table" if isinstance(value, dict) else written(value)


def _quoted(given: Given, setting: Setting) -> str:
    """What to do about a value that is right but for its quotes."""
    try:
        msgspec.convert(given.value, setting.type, strict=False)
    except msgspec.ValidationError:
        return ""
    return f"; write it without quotes: {given.value}" if isinstance(given.value, str) else ""


def _suggestion(key: str, *, variable: bool) -> str:
    """Names the nearest setting, as it is written where the wrong one was, or where the whole list is."""
    if key.partition(".")[0] == "tenants":
        return f"a tenant has {', '.join(Tenant.__struct_fields__)}, as in tenants.NAME.rate, and a printable name"
    inside = [name for name in SETTINGS if name.startswith(f"{key}.")]
    if inside:
        return f"it holds {', '.join(inside)}"
    ends = {name.rpartition(".")[2]: name for name in SETTINGS}
    near = difflib.get_close_matches(key, SETTINGS, 1, 0.7)
    near = near or [ends[end] for end in difflib.get_close_matches(key.rpartition(".")[2], ends, 1, 0.7)]
    if not near:
        return "`headrace config` lists them all"
    nearest = PREFIX + near[0].upper().replace(".", "__") if variable else near[0]
    return f"did you mean {nearest!r}?"


def _nested(values: Mapping[str, Value]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for key, value in values.items():
        *above, name = _path(key)
        branch = tree
        for part in above:
            branch = branch.setdefault(part, {})
        branch[name] = value
    return tree


def _at(tree: Any, key: str) -> Value:
    for part in _path(key):
        tree = tree[part]
    value: Value = tree
    return value


SETTINGS: Mapping[str, Setting] = types.MappingProxyType({setting.key: setting for setting in settings_in(Config)})
"""Every setting by its dotted key, in the order of the tree."""

OF_A_TENANT: Mapping[str, Setting] = types.MappingProxyType(
    {setting.key: setting for setting in settings_in(Tenant, "tenants.NAME.")}
)
"""Those of each tenant, in the place of whose name stands NAME."""

_SECTIONS = frozenset(key[:dot] for key in SETTINGS for dot in range(len(key)) if key[dot] == ".") | {"tenants"}
