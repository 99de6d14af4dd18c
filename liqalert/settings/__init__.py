"""Frozen Settings from a TOML file, the environment, secret files and systemd credentials, in rising order of weight:
credentials, file, environment, overrides. Every error names the key, the value, the remedy and the place.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from liqalert.settings.mistakes import known_keys, refuse_open_to_anyone, refuse_unknown, sentence
from liqalert.settings.sections import Secret, Settings
from liqalert.settings.sources import (
    SettingsError,
    config_path,
    credential_layer,
    environment_layer,
    file_layer,
    merged,
    override_layer,
    with_secret_files,
)

__all__ = ["Secret", "Settings", "SettingsError", "config_path", "known_keys", "load_settings"]


def load_settings(
    config: Path | None,
    environ: Mapping[str, str],
    *,
    overrides: Mapping[str, object] | None = None,
    serves: bool = True,
) -> Settings:
    """Settings from `config` (else the usual places) and `environ`; `overrides` by name, like `alerts.distance_pct`.

    Raises SettingsError, one sentence without secrets, for the first mistake; where nothing is served (`serves` False),
    a missing web.token is none. Reads files, never the network.
    """
    path = config_path(config, environ)
    layers = [credential_layer(environ)]
    if path is not None:
        layers.append(file_layer(path))
    layers += [environment_layer(environ), override_layer(overrides or {})]
    for layer in layers:
        refuse_unknown(layer)
    layer = merged(with_secret_files(layer) for layer in layers)
    try:
        settings = Settings.model_validate(layer.values)
    except ValidationError as error:
        raise SettingsError(sentence(error, layer)) from None  # pydantic's text would show the values
    if serves:
        refuse_open_to_anyone(settings, layer)
    return settings
