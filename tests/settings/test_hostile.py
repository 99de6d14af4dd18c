"""Whatever stands in a settings file or the environment, there are settings or one sentence that tells no secret."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liqalert.settings import Settings, SettingsError, known_keys, load_settings
from tests.mutations import ODD_TEXTS, damaged, kept
from tests.shipping import ROOT

SECRET = "geheim-4711"
SECRETS = ["telegram.token", "web.token", "webhook.url", "webhook.secret", "apprise.urls", "owner.ping_url"]
EXAMPLE = (ROOT / "settings.example.toml").read_bytes()
UNCOMMENTED = b"\n".join(line.removeprefix(b"#") for line in EXAMPLE.splitlines())
TEXTS = ODD_TEXTS | st.text(max_size=30)
VALUES = TEXTS | st.sampled_from(["true", "off", "[]", "[1, 2]", "{}", '["a"]', "1e400", "-1", "007", "all", "BTC,ETH"])


def loaded(content: bytes, environ: Mapping[str, str]) -> None:
    with TemporaryDirectory() as directory:
        path = Path(directory, "settings.toml")
        path.write_bytes(content)
        try:
            told: object = load_settings(path, environ)
        except SettingsError as exc:
            told = str(exc)
    assert isinstance(told, Settings) or told
    assert SECRET not in repr(told)


@pytest.mark.parametrize("path", kept("settings"), ids=lambda path: path.name)
def test_what_once_broke_the_settings(path: Path) -> None:
    loaded(path.read_bytes(), {})


@given(damaged(st.sampled_from([EXAMPLE, UNCOMMENTED])))
def test_damaged_file(content: bytes) -> None:
    loaded(content, {})


@given(st.lists(st.tuples(st.sampled_from(known_keys()), VALUES), max_size=4))
def test_odd_values_in_the_file(given_values: list[tuple[str, str]]) -> None:
    lines = []
    for key, value in given_values:
        section, _, name = key.partition(".")
        lines += [f"[{section}]", f"{name} = {value}"]

    loaded("\n".join(lines).encode("utf-8", "replace"), {})


@given(st.dictionaries(st.sampled_from(known_keys()), VALUES, max_size=4))
def test_odd_values_in_the_environment(given_values: Mapping[str, str]) -> None:
    environ = {f"LIQALERT_{key.upper().replace('.', '__')}": value for key, value in given_values.items()}

    loaded(b"", environ)


@given(st.text(max_size=20), VALUES)
def test_odd_names_in_the_environment(name: str, value: str) -> None:
    loaded(b"", {f"LIQALERT_{name}": value})


@given(st.sampled_from(SECRETS), st.text(max_size=5))
def test_secret_is_in_no_sentence(key: str, around: str) -> None:
    environ = {f"LIQALERT_{key.upper().replace('.', '__')}": f"{around}{SECRET}{around}"}

    loaded(b"[web]\nport = -1\n", environ)
