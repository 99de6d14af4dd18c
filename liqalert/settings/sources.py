"""Where settings come from: a TOML file, the environment, files that hold one secret, and systemd credentials."""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic_settings import EnvSettingsSource

from liqalert.settings.sections import Settings
from liqalert.settings.values import expanded_path

_CREDENTIALS = {
    ("telegram", "token"): "telegram-token",
    ("web", "token"): "web-token",
    ("webhook", "url"): "webhook-url",
    ("webhook", "secret"): "webhook-secret",
    ("apprise", "urls"): "apprise-urls",
    ("owner", "ping_url"): "owner-ping-url",
    ("database", "url"): "database-url",
}
_PREFIX = "LIQALERT_"


class SettingsError(Exception):
    """A mistake in the settings, as one sentence for the person who made it. Holds no secret."""


@dataclass(frozen=True, slots=True)
class Layer:
    """Values from one or more sources, by section and key, and where each was found."""

    values: Mapping[str, Mapping[str, object]]
    places: Mapping[str, str] = field(default_factory=dict)

    def place(self, name: str) -> str:
        """Where `name` was set, in brackets, ready to end a sentence."""
        return f" ({self.places.get(name, 'its default')})"


def config_path(config: Path | None, environ: Mapping[str, str]) -> Path | None:
    """The settings file to read: `config`, else the first that exists; None when there is none."""
    if config is not None:
        return config
    home = environ.get("XDG_CONFIG_HOME") or str(Path(environ.get("HOME", "~")) / ".config")
    usual = (Path("settings.toml"), Path(home) / "liqalert/settings.toml", Path("/etc/liqalert/settings.toml"))
    # os.path, because Path.exists raises where a home directory may not be entered.
    return next((path for path in usual if os.path.exists(path)), None)


def file_layer(path: Path) -> Layer:
    """The settings in the TOML file at `path`, each with its line."""
    text = _read(path, f"the settings file {path}")
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        raise SettingsError(f"{path} is not valid TOML: {exc}") from None
    places = {name: f"{path} line {number}" for name, number in _lines(text)}
    for section, given in found.items():
        if section in Settings.model_fields and not isinstance(given, dict):
            place = places.get(section, str(path))
            raise SettingsError(f"{section} is a section: write [{section}] and its keys below it ({place})")
    tables = {section: given if isinstance(given, dict) else {} for section, given in found.items()}
    everywhere = {f"{section}.{key}": str(path) for section, given in tables.items() for key in given}
    return Layer(tables, {**dict.fromkeys(tables, str(path)), **everywhere, **places})


def _lines(text: str) -> Iterable[tuple[str, int]]:
    """(name, line) of each section and key. Good for messages only: a multi-line text that looks like TOML fools it."""
    section = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if header := re.match(r"\s*\[\s*([\w.-]+)\s*\]", line):
            section = header[1]
            yield section, number
        elif assigned := re.match(r"\s*([\w.-]+)\s*=", line):
            yield f"{section}.{assigned[1]}" if section else assigned[1], number


def environment_layer(environ: Mapping[str, str]) -> Layer:
    """LIQALERT_<SECTION>__<KEY>. A name that begins with LIQALERT_ and has no such form is refused as a slip.

    An empty one, as an unset variable of a shell or compose file often arrives, is none.
    """
    names = {name.lower(): name for name in environ if name.upper().startswith(_PREFIX)}
    for name in names.values():
        section, separator, key = name[len(_PREFIX) :].partition("__")
        if not (section and separator and key):
            raise SettingsError(f"{name} names no setting: write LIQALERT_<SECTION>__<KEY> with two underscores")
    names = {lowered: name for lowered, name in names.items() if environ[name].strip()}
    source = EnvSettingsSource(Settings)
    # Taken from the argument, so that one process can load settings of several environments.
    source.env_vars = {lowered: environ[name] for lowered, name in names.items()}
    places: dict[str, str] = {}
    unknown: dict[str, dict[str, object]] = {}  # the source drops sections that do not exist
    for lowered, name in names.items():
        section, _, key = lowered[len(_PREFIX) :].partition("__")
        unknown[section] = {}
        places[section] = places[f"{section}.{key}"] = f"environment variable {name}"
    return Layer({**unknown, **source()}, places)


def credential_layer(environ: Mapping[str, str]) -> Layer:
    """Secrets that systemd handed over (LoadCredential=). An empty file is no secret."""
    directory = environ.get("CREDENTIALS_DIRECTORY")
    values: dict[str, dict[str, object]] = {}
    places: dict[str, str] = {}
    for (section, key), name in _CREDENTIALS.items():
        path = Path(directory, name) if directory else None
        if path is not None and path.exists() and (text := _read(path, f"the credential {name} {path}").strip()):
            values.setdefault(section, {})[key] = text
            places[f"{section}.{key}"] = f"credential {name}"
    return Layer(values, places)


def override_layer(overrides: Mapping[str, object]) -> Layer:
    """Values by name, like `alerts.distance_pct`, from options of a command."""
    values: dict[str, dict[str, object]] = {}
    for name, value in overrides.items():
        section, _, key = name.partition(".")
        values.setdefault(section, {})[key] = value
    return Layer(values, dict.fromkeys(overrides, "command line"))


def with_secret_files(layer: Layer) -> Layer:
    """`layer` with each `token_file`, and the like, read into its `token`. Both at once in one source is refused."""
    values = {section: dict(given) for section, given in layer.values.items()}
    places = dict(layer.places)
    for section, key in _CREDENTIALS:
        path = values.get(section, {}).get(f"{key}_file")
        if not isinstance(path, str) or not path:
            continue
        name = f"{section}.{key}_file"
        if values[section].get(key):
            raise SettingsError(f"{section}.{key} and {name} are both set: keep one{layer.place(name)}")
        # What does not begin like a path may be the secret itself, in the wrong place.
        shown = path if path[0] in "/~." else "***"
        file = _expanded(path, name, layer.place(name))
        values[section][key] = _read(file, f"{name} {shown}", layer.place(name)).strip()
        places[f"{section}.{key}"] = f"file {path}"
    return Layer(values, places)


def _expanded(path: str, name: str, place: str) -> Path:
    try:
        return expanded_path(Path(path)) or Path()
    except ValueError as exc:
        raise SettingsError(f"{name} is {json.dumps(path)}: {exc}{place}") from None


def merged(layers: Iterable[Layer]) -> Layer:
    """One layer in which a later one wins, key by key."""
    values: dict[str, dict[str, object]] = {}
    places: dict[str, str] = {}
    for layer in layers:
        for section, given in layer.values.items():
            values.setdefault(section, {}).update(given)
        places.update(layer.places)
    return Layer(values, places)


def _read(path: Path, what: str, place: str = "") -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise SettingsError(f"{what} does not exist: create it or leave it out{place}") from None
    except UnicodeDecodeError:
        raise SettingsError(f"{what} is not UTF-8 text: save it as UTF-8{place}") from None
    except OSError as exc:
        raise SettingsError(f"{what} cannot be read: {exc.strerror}{place}") from None
