"""The configuration: the only reader of config.yaml, of `--set`, and of the secrets.

Owns every key, its type, default and bounds. Fails closed: a broken or missing explicit file, an unknown or
double key, a value of the wrong type or out of bounds is a ConfigError that names the key. Must not load
numpy and must not look for a file on its own. config.yaml in the repository lists every key with its default.
"""

from __future__ import annotations

import difflib
import json
import os
import re
import typing
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import msgspec
import yaml
from msgspec import Meta, Struct

from mpvnc.errors import ConfigError

Port = Annotated[int, Meta(ge=0, le=65535)]
Count = Annotated[int, Meta(ge=0)]
Positive = Annotated[int, Meta(ge=1)]
Side = Annotated[int, Meta(ge=1, le=32768)]
Seconds = Annotated[float, Meta(ge=0)]
PositiveSeconds = Annotated[float, Meta(gt=0)]
Heartbeat = Annotated[float, Meta(ge=3)]
"""Children show signs of life every second, and the supervisor looks every second: less is chance."""
CutText = Annotated[int, Meta(ge=1, le=20 << 20)]
"""No format of a clipboard may be larger (`session.clipboard.FORMAT_MAX`)."""
Level = Annotated[int, Meta(ge=0, le=9)]
NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,47}$"
Name = Annotated[str, Meta(pattern=NAME_PATTERN)]

_SECRET_KEYS = {"password", "view_only_password", "read_only_password"}


class Section(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A section of the configuration; its fields are the keys."""


class Server(Section, frozen=True):
    """What is served, where, by how many processes."""

    name: Name = "default"
    host: str = "127.0.0.1"
    port: Port = 5900
    listeners: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    desktop_name: str = ""
    workers: Annotated[int, Meta(ge=0, le=128)] = 0
    runtime_dir: str = ""
    state_dir: str = ""


class Source(Section, frozen=True):
    """Where the pixels come from."""

    kind: Literal["auto", "x11", "mss", "demo", "publish"] = "auto"
    display: str = ""
    frame_rate: Annotated[int, Meta(ge=1, le=240)] = 60
    probe_frames: Count = 0
    probe_warn_ms: Annotated[float, Meta(ge=1)] = 40.0
    width: Side = 1280
    height: Side = 720
    max_surfaces: Annotated[int, Meta(ge=1, le=48)] = 16


class Clients(Section, frozen=True):
    """Who may be connected."""

    max_connections: Count = 1000
    max_unauthenticated: Positive = 512
    max_unauthenticated_per_address: Positive = 100
    when_not_shared: Literal["share", "evict", "refuse"] = "share"
    stall_timeout_s: PositiveSeconds = 30.0
    push_requests: bool = False


class Security(Section, frozen=True):
    """Who may see and who may control."""

    password_file: str = ""
    users_file: str = ""
    view_only: bool = False
    allow_none: bool = False
    auth_delay_s: Seconds = 1.0
    auth_delay_max_s: Seconds = 30.0
    tls: bool = True
    tls_cert: str = ""
    tls_key: str = ""
    require_encryption: bool = False
    types: tuple[Literal["none", "vncauth", "tight", "plain", "x509none", "x509vnc", "x509plain"], ...] = ()


class Input(Section, frozen=True):
    """Where keys and pointer events go."""

    backend: Literal["auto", "xtest", "pyautogui", "recorder", "none"] = "auto"
    record_file: str = ""
    control_policy: Literal["shared", "single-controller"] = "shared"
    max_age_s: PositiveSeconds = 1.0


class EncodingOptions(Section, frozen=True):
    """Which encodings are offered, and how hard they work."""

    enabled: tuple[Literal["raw", "rre", "hextile", "zlib", "tight", "zrle", "jpeg"], ...] = (
        "raw", "rre", "hextile", "zlib", "tight", "zrle", "jpeg",
    )  # fmt: skip
    jpeg: bool = True
    cursor: bool = True
    pointer: bool = True
    compression_min: Level = 0
    compression_max: Level = 9
    tight_stream_reset_for_ultravnc: bool = False


class WebSocket(Section, frozen=True):
    """Which pages may connect, and what is taken of a browser."""

    allowed_origins: tuple[str, ...] = ()
    max_handshake_bytes: Annotated[int, Meta(ge=1024, le=1024 * 1024)] = 16 * 1024
    max_payload_bytes: Annotated[int, Meta(ge=1024)] = 1024 * 1024
    max_buffer_bytes: Annotated[int, Meta(ge=1024)] = 1024 * 1024


class Limits(Section, frozen=True):
    """What one client may ask for."""

    max_set_encodings: Annotated[int, Meta(ge=1, le=65535)] = 1024
    max_client_cut_text: CutText = 256 * 1024


class Timeouts(Section, frozen=True):
    """How long things may take, in seconds."""

    handshake_s: PositiveSeconds = 10.0
    authentication_s: PositiveSeconds = 60.0
    message_s: PositiveSeconds = 60.0
    start_s: PositiveSeconds = 30.0
    drain_s: PositiveSeconds = 2.0
    heartbeat_s: Heartbeat = 10.0
    respawn_initial_s: PositiveSeconds = 0.1
    respawn_max_s: PositiveSeconds = 30.0
    crash_window_s: PositiveSeconds = 60.0
    crash_limit: Positive = 5


class Logging(Section, frozen=True):
    """What is logged, and where to."""

    log_level: str = "INFO"
    log_file: str = ""


class Config(Section, frozen=True):
    """The whole configuration; immutable."""

    server: Server = Server()
    source: Source = Source()
    clients: Clients = Clients()
    security: Security = Security()
    input: Input = Input()
    encoding: EncodingOptions = EncodingOptions()
    websocket: WebSocket = WebSocket()
    limits: Limits = Limits()
    timeouts: Timeouts = Timeouts()
    logging: Logging = Logging()


class Secrets(Section, frozen=True):
    """The passwords; None means that there is none. Never logged, never in argv."""

    password: str | None = None
    view_only_password: str | None = None

    def __repr__(self) -> str:
        return "Secrets(...)"


def is_name(text: object) -> bool:
    """Whether it can be the name of an instance or of a surface: up to 48 letters, digits, ".", "_" and "-"."""
    return isinstance(text, str) and re.fullmatch(NAME_PATTERN, text) is not None


def load(path: str | os.PathLike[str] | None = None, overrides: Iterable[str] = ()) -> Config:
    """Read the configuration.

    Args:
        path: a YAML file; None for the defaults alone.
        overrides: `section.key=value`, later ones win; read by the field's type (`0123` stays text in a text
            field), lists as YAML lists or separated by commas.
    Raises: ConfigError, naming the file or key.
    """
    data: dict[str, Any] = {} if path is None else _read_file(Path(path))
    for override in overrides:
        _apply(data, override)
    return from_dict(data)


def override(name: str, value: object) -> str:
    """Return the override of `load` that gives a key this value; a tuple is a list."""
    if isinstance(value, list | tuple):
        value = json.dumps(list(value), ensure_ascii=False)
    return f"{name}={value}"


def from_dict(data: Mapping[str, Any]) -> Config:
    """Build the configuration from nested mappings; absent keys take their defaults.

    Raises: ConfigError, naming the key.
    """
    _check_names(data)
    try:
        config = msgspec.convert(data, Config)
    except msgspec.ValidationError as error:
        raise ConfigError(_readable(str(error))) from error
    if config.encoding.compression_min > config.encoding.compression_max:
        raise ConfigError("encoding.compression_min is more than encoding.compression_max")
    if config.security.require_encryption and not config.security.tls:
        raise ConfigError("security.require_encryption leaves no way in without security.tls")
    if config.security.tls_key and not config.security.tls_cert:
        raise ConfigError("security.tls_key is set, security.tls_cert is not")
    return config


def to_dict(config: Config) -> dict[str, Any]:
    """Return the configuration as nested dicts of JSON values; `from_dict` reads it back."""
    built: dict[str, Any] = msgspec.to_builtins(config)
    return built


def read_secrets(config: Config, environ: Mapping[str, str]) -> tuple[Secrets, list[str]]:
    """Return the passwords and warnings about where they came from.

    `security.password_file` (first line: password, second: view-only password) wins over MPVNC_PASSWORD and
    MPVNC_VIEW_ONLY_PASSWORD. An empty line or variable is no password.

    Raises: ConfigError if the file cannot be read or holds no password, or a password is none for VNC.
    """
    name = config.security.password_file
    if not name:
        password, view_only = environ.get("MPVNC_PASSWORD"), environ.get("MPVNC_VIEW_ONLY_PASSWORD")
        secrets = Secrets(password=password or None, view_only_password=view_only or None)
        check_secrets(secrets, "MPVNC_PASSWORD", "MPVNC_VIEW_ONLY_PASSWORD")
        return secrets, []
    try:
        with open(name, encoding="utf-8") as file:
            mode = os.fstat(file.fileno()).st_mode
            lines = [*file.read(4096).splitlines(), "", ""]
    except OSError as error:
        raise ConfigError(f"security.password_file: {name} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"security.password_file: {name} is not UTF-8") from error
    secrets = Secrets(password=lines[0] or None, view_only_password=lines[1] or None)
    if secrets.password is None and secrets.view_only_password is None:
        raise ConfigError(f"security.password_file: {name} holds no password")
    source = f"security.password_file: {name}, line"
    check_secrets(secrets, f"{source} 1", f"{source} 2")
    warnings = [f"security.password_file: {name} can be read by everybody: chmod 600"] if mode & 0o004 else []
    return secrets, warnings


def check_secrets(secrets: Secrets, password: str, view_only_password: str) -> None:
    """Refuse passwords that no viewer can give (RFC 6143 section 7.2.2 is read as Latin-1 by all of them).

    Args:
        password, view_only_password: what the message calls them; what they are never stands in it.
    Raises: ConfigError.
    """
    for name, secret in ((password, secrets.password), (view_only_password, secrets.view_only_password)):
        try:
            (secret or "").encode("latin-1")
        except UnicodeEncodeError:
            raise ConfigError(f"{name}: a VNC password can only have characters of Latin-1") from None


class _StrictLoader(yaml.SafeLoader):
    """YAML's safe types, and no key twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key_node, _ in node.value:
            key = str(self.construct_object(key_node, deep=True))
            if key in seen:
                raise ConfigError(f"line {key_node.start_mark.line + 1}: the key {key} stands there twice")
            seen.add(key)
        return super().construct_mapping(node, deep)


def _read_file(path: Path) -> dict[str, Any]:
    try:
        data = yaml.load(path.read_text("utf-8"), _StrictLoader)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(f"{path} is not YAML: {' '.join(str(error).split())}") from error
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise ConfigError(f"{path}: expected sections with keys, got {type(data).__name__}")
    return {section: {} if keys is None else keys for section, keys in data.items()}


def _apply(data: dict[str, Any], override: str) -> None:
    """Set one `section.key=value` in nested mappings."""
    name, equals, text = override.partition("=")
    section, dot, key = name.strip().partition(".")
    if not equals or not dot:
        raise ConfigError(f"--set {name}: expected section.key=value")
    if key in _SECRET_KEYS:
        raise ConfigError(f"--set {name} is refused: use security.password_file or MPVNC_PASSWORD")
    _check_names({section: {key: None}})
    keys = data.setdefault(section, {})
    if not isinstance(keys, dict):
        raise ConfigError(f"{section}: expected keys, got {type(keys).__name__}")
    keys[key] = _value(text, _hints(_hints(Config)[section])[key])


def _value(text: str, hint: Any) -> Any:
    """Read an override's text by the field's type; what does not fit is left for the conversion to refuse."""
    kind = typing.get_args(hint)[0] if typing.get_origin(hint) is Annotated else hint
    if kind is str or typing.get_origin(kind) is Literal:
        return text
    if typing.get_origin(kind) is tuple and not (text.startswith("[") and text.endswith("]")):
        return [part.strip() for part in text.split(",") if part.strip()]
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return text


def _check_names(data: Mapping[Any, Any]) -> None:
    """Refuse unknown sections and keys with the nearest known name; secrets with where they belong."""
    sections = _hints(Config)
    for section, keys in data.items():
        if section not in sections:
            raise ConfigError(f"unknown section {section}{_nearest(str(section), sections)}")
        if not isinstance(keys, Mapping):
            raise ConfigError(f"{section}: expected keys, got {type(keys).__name__}")
        known = _hints(sections[section])
        for key in keys:
            if key in _SECRET_KEYS:
                raise ConfigError(
                    f"{section}.{key}: no secrets here, use security.password_file or MPVNC_PASSWORD"
                )
            if key not in known:
                raise ConfigError(f"unknown key {section}.{key}{_nearest(str(key), known, section)}")


def _nearest(name: str, known: Iterable[str], section: str = "") -> str:
    """Return ", did you mean ...?", or nothing if no name is near."""
    near = difflib.get_close_matches(name, list(known), 1, 0.6)
    if near:
        return f", did you mean {section}{'.' if section else ''}{near[0]}?"
    elsewhere = [f"{other}.{name}" for other, kind in _hints(Config).items() if name in _hints(kind)]
    return f", did you mean {elsewhere[0]}?" if section and elsewhere else ""


_T = TypeVar("_T")


def _hints(struct: type[_T]) -> dict[str, Any]:
    return typing.get_type_hints(struct, include_extras=True)


def _readable(error: str) -> str:
    """Turn msgspec's "what - at `$.section.key`" into "section.key: what", with the choices if there are some."""
    what, _, where = error.partition(" - at `$")
    name = where.rstrip("`").lstrip(".")
    if what.startswith("Invalid enum value"):
        section, _, key = name.partition("[")[0].partition(".")
        what = f"{what.removeprefix('Invalid enum value ')} is none of {', '.join(_choices(section, key))}"
    return f"{name}: {what}" if where else what


def _choices(section: str, key: str) -> tuple[str, ...]:
    """Return the values of a key that has a few words to choose from, or a list of them."""
    hint = _hints(_hints(Config)[section])[key]
    while typing.get_origin(hint) is not Literal:
        hint = typing.get_args(hint)[0]
    return typing.get_args(hint)
