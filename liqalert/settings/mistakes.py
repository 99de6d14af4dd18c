"""From a mistake to one sentence that names the key, the value, the remedy and the place."""

from __future__ import annotations

import json

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from liqalert.settings import values
from liqalert.settings.sections import Secret, Settings
from liqalert.settings.sources import Layer, SettingsError

_SHOWN_CHARACTERS = 80


def known_keys() -> tuple[str, ...]:
    """Every key, like `alerts.distance_pct`, in the order of the sections."""
    return tuple(f"{section}.{key}" for section, model in sections().items() for key in model.model_fields)


def sections() -> dict[str, type[BaseModel]]:
    """Every section's model, by the section's name."""
    return {
        name: field.annotation
        for name, field in Settings.model_fields.items()
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
    }


def refuse_unknown(layer: Layer) -> None:
    """Raises SettingsError for the first key of `layer` that does not exist. Its value may be a secret: not shown."""
    models = sections()
    for section, given in layer.values.items():
        model = models.get(section)
        if model is None:
            known = (*models, *(key.partition(".")[2] for key in known_keys()))
            raise SettingsError(f"{section} is not a section{_suggestion(section, known)}{layer.place(section)}")
        for key in given:
            if key not in model.model_fields:
                name = f"{section}.{key}"
                raise SettingsError(f"{name} is not a setting{_suggestion(name, known_keys())}{layer.place(name)}")


def refuse_open_to_anyone(settings: Settings, layer: Layer) -> None:
    """Raises SettingsError where others can reach the web address and nobody has to show a token."""
    if settings.web.open_to_anyone:
        shown = json.dumps(settings.web.host)
        remedy = "give web.token as well, because others can reach this address, or keep 127.0.0.1"
        raise SettingsError(f"web.host is {shown}: {remedy}{layer.place('web.host')}")


def _suggestion(name: str, known: tuple[str, ...]) -> str:
    wanted = values.nearest(name, known)
    if not wanted or "." in name:
        return wanted
    # A key without its section, like `token` at the top of the file: name the keys that it may have been meant as.
    meant = wanted.removeprefix(": did you mean ").removesuffix("?")
    full = [key for key in known_keys() if key.endswith(f".{meant}")]
    return f": did you mean {' or '.join(full)}?" if full else wanted


def sentence(error: ValidationError, layer: Layer) -> str:
    """The first mistake in `error`, in one sentence."""
    first = error.errors(include_url=False)[0]
    section, key = (str(part) for part in first["loc"][:2])
    name = f"{section}.{key}"
    field = sections()[section].model_fields[key]
    shown = _shown(name, field, layer.values.get(section, {}).get(key, field.default))
    return f"{name} is {shown}: {_remedy(first, field)}{layer.place(name)}"


def _remedy(first: ErrorDetails, field: FieldInfo) -> str:
    cause = first.get("ctx", {}).get("error")
    return str(cause) if isinstance(cause, ValueError) else values.expected(field)


def _shown(name: str, field: FieldInfo, value: object) -> str:
    secret = "Secret" in str(field.annotation) or isinstance(value, Secret) or not field.repr
    if secret and name != "database.url":
        return "***"
    if isinstance(value, str):
        value = values.without_password(value)
    if isinstance(value, str) and value.strip() and field.annotation in (int, float):
        text = value
    else:
        text = json.dumps(value, default=str, ensure_ascii=False)
    return text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "..."
