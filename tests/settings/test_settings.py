"""Where values come from, and what they are without any."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from liqalert.settings import Settings, load_settings

TOKEN = "123456789:AAE-not_a_real_token"
ALERTS = "LIQALERT_ALERTS__"


def test_no_file_and_no_environment_give_the_defaults() -> None:
    settings = load_settings(None, {})

    assert settings.binance.ws_url == "wss://fstream.binance.com/market"
    assert settings.binance.rest_url == "https://fapi.binance.com"
    assert settings.binance.coin_rest_url == "https://dapi.binance.com"
    assert settings.binance.symbols == ("BTCUSDT", "ETHUSDT")
    assert (settings.clusters.window_pct, settings.clusters.decay_minutes) == (2.0, 60.0)
    assert (settings.clusters.min_events, settings.clusters.rebuild_seconds) == (5, 5.0)
    assert (settings.alerts.distance_pct, settings.alerts.rearm_pct) == (1.0, 1.4)
    assert (settings.alerts.min_strength, settings.alerts.cooldown_minutes) == (0.6, 30.0)
    assert (settings.alerts.memory_hours, settings.alerts.min_notional_usd) == (24.0, 100_000.0)
    assert (settings.alerts.kinds, settings.alerts.digest_after) == (("near", "cascade"), 4)
    assert (settings.telegram.token, settings.telegram.allowed_chats) == (None, ())
    assert settings.database.url == "sqlite+aiosqlite:///liqalert.db"
    assert (settings.web.host, settings.web.port, settings.web.token) == ("127.0.0.1", 8787, None)
    assert (settings.log.level, settings.log.format) == ("info", "text")


def test_settings_are_frozen() -> None:
    with pytest.raises(ValidationError):
        Settings().alerts.distance_pct = 2.0  # type: ignore[misc]


def test_settings_ignore_the_environment_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIQALERT_WEB__PORT", "9999")

    assert load_settings(None, {}).web.port == 8787


# ---------------------------------------------------------------- where values come from


def test_environment_wins_over_the_file(tmp_path: Path) -> None:
    tmp_path.joinpath("settings.toml").write_text("[alerts]\ndistance_pct = 0.5\nmin_strength = 0.7\n")

    settings = load_settings(None, {"LIQALERT_ALERTS__DISTANCE_PCT": "0.8"})

    assert (settings.alerts.distance_pct, settings.alerts.min_strength) == (0.8, 0.7)


def test_overrides_win_over_the_environment() -> None:
    settings = load_settings(None, {f"{ALERTS}DISTANCE_PCT": "0.8"}, overrides={"alerts.distance_pct": "0.5"})

    assert settings.alerts.distance_pct == 0.5


def test_first_usual_place_that_exists_is_read(tmp_path: Path) -> None:
    usual = tmp_path / "xdg/liqalert/settings.toml"
    usual.parent.mkdir(parents=True)
    usual.write_text("[web]\nport = 1111\n")
    environ = {"XDG_CONFIG_HOME": str(tmp_path / "xdg")}

    assert load_settings(None, environ).web.port == 1111
    tmp_path.joinpath("settings.toml").write_text("[web]\nport = 2222\n")
    assert load_settings(None, environ).web.port == 2222
    tmp_path.joinpath("other.toml").write_text("[web]\nport = 3333\n")
    assert load_settings(Path("other.toml"), environ).web.port == 3333


@pytest.mark.parametrize("text", ["[1, -100]", "1,-100", " 1 , -100 ,", "[1,-100,1]"])
def test_lists_in_the_environment_are_json_or_separated_by_commas(text: str) -> None:
    assert load_settings(None, {"LIQALERT_TELEGRAM__ALLOWED_CHATS": text}).telegram.allowed_chats == (1, -100)


@pytest.mark.parametrize(
    ("text", "symbols"),
    [
        ("all", "all"),
        ("btcusdt", ("BTCUSDT",)),
        ('["BTCUSDT","币安人生USDT"]', ("BTCUSDT", "币安人生USDT")),
        ("BTCUSDT_261225", ("BTCUSDT_261225",)),
    ],
)
def test_symbols_are_a_list_or_all(text: str, symbols: object) -> None:
    assert load_settings(None, {"LIQALERT_BINANCE__SYMBOLS": text}).binance.symbols == symbols


def test_secret_is_read_from_the_file_that_is_named(tmp_path: Path) -> None:
    tmp_path.joinpath("token").write_text(f"{TOKEN}\n")
    tmp_path.joinpath("settings.toml").write_text('[telegram]\ntoken_file = "token"\n')

    token = load_settings(None, {}).telegram.token

    assert token is not None
    assert token.get_secret_value() == TOKEN


def test_webhook_is_read_from_files_and_credentials(tmp_path: Path) -> None:
    """Whoever knows the address of somebody's hook can write there."""
    address, secret = "https://hooks.example.org/services/T0/B0/geheim", "a geheim text"
    tmp_path.joinpath("webhook-url").write_text(f"{address}\n")
    tmp_path.joinpath("webhook-secret").write_text(f"{secret}\n")
    files = {f"LIQALERT_WEBHOOK__{key.upper()}_FILE": f"{tmp_path}/webhook-{key}" for key in ("url", "secret")}

    for environ in (files, {"CREDENTIALS_DIRECTORY": str(tmp_path)}):
        settings = load_settings(None, environ)

        assert settings.secrets()[:2] == (address, secret)
        assert settings.webhook.url is not None
        assert settings.webhook.secret is not None
        assert "geheim" not in f"{settings!r}"


def test_database_with_its_password_is_read_from_a_file_or_a_credential(tmp_path: Path) -> None:
    url = "postgresql+asyncpg://liqalert:geheim@db.example.org/liqalert"
    file = tmp_path / "database-url"
    file.write_text(f"{url}\n")

    for environ in ({"LIQALERT_DATABASE__URL_FILE": str(file)}, {"CREDENTIALS_DIRECTORY": str(tmp_path)}):
        settings = load_settings(None, environ)

        assert settings.database.url == url
        assert settings.secrets() == ("geheim",)
        assert "geheim" not in f"{settings!r}"


def test_mark_that_some_editors_put_before_utf_8_is_no_part_of_a_file(tmp_path: Path) -> None:
    tmp_path.joinpath("settings.toml").write_bytes(b'\xef\xbb\xbf[webhook]\r\nsecret_file = "secret"\r\n')
    tmp_path.joinpath("secret").write_bytes(b"\xef\xbb\xbfa long random text\r\n")

    secret = load_settings(tmp_path / "settings.toml", {}).webhook.secret

    assert secret is not None
    assert secret.get_secret_value() == "a long random text"


@pytest.mark.parametrize(("section", "name"), [("telegram", "telegram-token"), ("web", "web-token")])
def test_secret_is_read_from_a_systemd_credential(tmp_path: Path, section: str, name: str) -> None:
    tmp_path.joinpath(name).write_text(f"{TOKEN}\n")

    token = getattr(load_settings(None, {"CREDENTIALS_DIRECTORY": str(tmp_path)}), section).token

    assert token.get_secret_value() == TOKEN


def test_empty_credential_and_empty_variable_are_no_token(tmp_path: Path) -> None:
    tmp_path.joinpath("telegram-token").write_text("\n")
    tmp_path.joinpath("database-url").write_text("\n")

    assert load_settings(None, {"CREDENTIALS_DIRECTORY": str(tmp_path)}) == Settings()
    assert load_settings(None, {"LIQALERT_TELEGRAM__TOKEN": ""}).telegram.token is None


def test_empty_variable_leaves_what_the_file_says(tmp_path: Path) -> None:
    """As `${CHATS}` in a compose file arrives where nobody has set it."""
    tmp_path.joinpath("settings.toml").write_text(
        f'[telegram]\ntoken = "{TOKEN}"\nallowed_chats = [1]\n[web]\nhost = "0.0.0.0"\ntoken = "{TOKEN}"\nport = 9999\n'
    )
    names = ("TELEGRAM__TOKEN", "TELEGRAM__ALLOWED_CHATS", "WEB__HOST", "WEB__TOKEN", "WEB__PORT", "WEB__ENABLED")

    settings = load_settings(None, dict.fromkeys((f"LIQALERT_{name}" for name in names), " "))

    assert settings == load_settings(None, {})
    assert settings.telegram.allowed_chats == (1,)


def test_empty_list_in_a_variable_takes_the_place_of_the_files(tmp_path: Path) -> None:
    tmp_path.joinpath("settings.toml").write_text("[telegram]\nallowed_chats = [1]\n")

    settings = load_settings(None, {"LIQALERT_TELEGRAM__ALLOWED_CHATS": "[]"})

    assert settings.telegram.allowed_chats == ()


def test_rest_url_of_a_stand_in_serves_both_markets() -> None:
    settings = load_settings(None, {"LIQALERT_BINANCE__REST_URL": "http://127.0.0.1:9/"})

    assert settings.binance.rest_url == "http://127.0.0.1:9"
    assert settings.binance.coin_rest_url == "http://127.0.0.1:9"


def test_rest_url_set_to_its_default_leaves_the_coin_host_alone() -> None:
    settings = load_settings(None, {"LIQALERT_BINANCE__REST_URL": "https://fapi.binance.com"})

    assert settings.binance.coin_rest_url == "https://dapi.binance.com"


@pytest.mark.parametrize(
    ("environ", "printed"),
    [
        ({}, True),
        ({"LIQALERT_TELEGRAM__TOKEN": TOKEN}, True),
        ({"LIQALERT_TELEGRAM__TOKEN": TOKEN, "LIQALERT_TELEGRAM__ALLOWED_CHATS": "1"}, False),
        (
            {
                "LIQALERT_TELEGRAM__TOKEN": TOKEN,
                "LIQALERT_TELEGRAM__ALLOWED_CHATS": "1",
                "LIQALERT_CONSOLE__ENABLED": "true",
            },
            True,
        ),
        ({"LIQALERT_CONSOLE__ENABLED": "false"}, False),
    ],
)
def test_console_is_on_unless_telegram_can_tell_someone(environ: dict[str, str], printed: bool) -> None:
    assert load_settings(None, environ).console_enabled is printed


# ---------------------------------------------------------------- secrets


def test_secrets_never_appear_when_settings_are_printed() -> None:
    settings = load_settings(
        None,
        {
            "LIQALERT_TELEGRAM__TOKEN": TOKEN,
            "LIQALERT_WEB__TOKEN": "web-geheim",
            "LIQALERT_DATABASE__URL": "postgresql+asyncpg://u:db%20geheim@h/db",
        },
    )

    printed = f"{settings} {settings!r} {settings.telegram.token} {settings.telegram.token!r} {settings.web!r}"

    assert "***" in printed
    assert "AAE-not_a_real_token" not in printed
    assert "geheim" not in printed
    assert settings.secrets() == (TOKEN, "web-geheim", "db geheim")


@pytest.mark.parametrize("address", ["u:geheim%21@h/db", "h/db?user=u&password=geheim%21"])
def test_password_of_the_database_is_a_secret_wherever_it_stands(address: str) -> None:
    settings = load_settings(None, {"LIQALERT_DATABASE__URL": f"postgresql+asyncpg://{address}"})

    assert settings.secrets() == ("geheim!",)
