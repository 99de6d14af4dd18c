"""A mistake gets one sentence with key, value, remedy and place, and never a secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from liqalert.settings import SettingsError, load_settings

TOKEN = "123456789:AAE-not_a_real_token"
ALERTS = "LIQALERT_ALERTS__"


def _mistake(environ: dict[str, str], config: Path | None = None) -> str:
    with pytest.raises(SettingsError) as caught:
        load_settings(config, environ)
    return str(caught.value)


def test_mistake_in_the_file_names_key_value_remedy_and_line(tmp_path: Path) -> None:
    tmp_path.joinpath("settings.toml").write_text("[alerts]\n# a comment\ndistance_pct = 25\n")

    assert _mistake({}) == "alerts.distance_pct is 25: give a number above 0 and at most 20 (settings.toml line 3)"


def test_mistake_in_the_environment_names_the_variable() -> None:
    assert _mistake({"LIQALERT_WEB__PORT": "http"}) == (
        "web.port is http: give a whole number at least 0 and at most 65535 (environment variable LIQALERT_WEB__PORT)"
    )


def test_mistake_in_an_option_says_so() -> None:
    with pytest.raises(SettingsError, match=r"alerts\.min_strength is 1: .* \(command line\)"):
        load_settings(None, {}, overrides={"alerts.min_strength": "1"})


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("CLUSTERS__WINDOW_PCT", "0.09"),
        ("CLUSTERS__WINDOW_PCT", "10.1"),
        ("CLUSTERS__DECAY_MINUTES", "0"),
        ("CLUSTERS__MIN_EVENTS", "0"),
        ("CLUSTERS__MIN_EVENTS", "2.5"),
        ("CLUSTERS__REBUILD_SECONDS", "0"),
        ("ALERTS__DISTANCE_PCT", "0"),
        ("ALERTS__DISTANCE_PCT", "20.1"),
        ("ALERTS__REARM_PCT", "-1"),
        ("ALERTS__MIN_STRENGTH", "0.29"),
        ("ALERTS__MIN_STRENGTH", "1"),
        ("ALERTS__MIN_STRENGTH", "nan"),
        ("ALERTS__COOLDOWN_MINUTES", "-1"),
        ("ALERTS__MEMORY_HOURS", "0"),
        ("ALERTS__MIN_NOTIONAL_USD", "inf"),
        ("ALERTS__KINDS", "cascades"),
        ("ALERTS__KINDS", "[]"),
        ("ALERTS__DIGEST_AFTER", "0"),
        ("BINANCE__CONNECTIONS", "5"),
        ("BINANCE__SYMBOLS", "BTC/USDT"),
        ("BINANCE__REST_URL", "fapi.binance.com"),
        ("BINANCE__REST_URL", "https://example.org:port"),
        ("BINANCE__ENABLED", "perhaps"),
        ("TELEGRAM__ALLOWED_CHATS", "1,@channel"),
        ("TELEGRAM__ALLOWED_CHATS", "[1,"),
        ("TELEGRAM__TIMEZONE", "Mars/Olympus"),
        ("TELEGRAM__TIMEZONE", "../etc/passwd"),
        ("APPRISE__URLS", "[1]"),
        ("APPRISE__URLS", "ntfy"),
        ("DATABASE__URL", "sqlite+aiosqlite://"),
        ("DATABASE__URL", "liqalert.db"),
        ("WEB__PORT", "65536"),
        ("WEB__HOST", "http://127.0.0.1"),
        ("RETENTION__LIQUIDATIONS_DAYS", "11"),
        ("RETENTION__BASELINES_DAYS", "30"),
        ("RETENTION__ALERTS_DAYS", "0"),
        ("LOG__LEVEL", "loud"),
        ("LOG__FORMAT", "xml"),
    ],
)
def test_value_out_of_range_is_refused_by_name(variable: str, value: str) -> None:
    name = variable.lower().replace("__", ".")

    mistake = _mistake({f"LIQALERT_{variable}": value})

    assert mistake.startswith(f"{name} is ")
    assert mistake.endswith(f"(environment variable LIQALERT_{variable})")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("CLUSTERS__WINDOW_PCT", "0.1"),
        ("CLUSTERS__WINDOW_PCT", "10"),
        ("ALERTS__MIN_STRENGTH", "0.3"),
        ("ALERTS__MIN_STRENGTH", "0.999"),
        ("ALERTS__COOLDOWN_MINUTES", "0"),
        ("WEB__PORT", "0"),
        ("LOG__LEVEL", "WARNING"),
        ("DATABASE__URL", "sqlite+aiosqlite:////var/lib/liqalert/liqalert.db"),
        ("DATABASE__URL", "postgresql+asyncpg://liqalert@localhost/liqalert"),
        ("WEB__HOST", "::1"),
        ("WEB__HOST", "localhost"),
    ],
)
def test_value_at_the_edge_of_its_range_is_accepted(variable: str, value: str) -> None:
    section, _, key = variable.lower().partition("__")

    accepted = getattr(getattr(load_settings(None, {f"LIQALERT_{variable}": value}), section), key)

    assert str(accepted).lower() in (value.lower(), f"{value}.0")


@pytest.mark.parametrize("host", ["wss://fstream.binance.com", "ws://127.0.0.1:8000"])
@pytest.mark.parametrize("path", ["", "/", "/ws", "/stream", "/ws/!forceOrder@arr", "/market/stream"])
def test_stream_address_without_the_market_route_is_refused_with_the_reason(host: str, path: str) -> None:
    mistake = _mistake({"LIQALERT_BINANCE__WS_URL": f"{host}{path}"})

    assert f"give {host}/market, because without /market" in mistake
    assert "2026-04-23" in mistake


def test_stream_address_may_end_in_a_slash() -> None:
    settings = load_settings(None, {"LIQALERT_BINANCE__WS_URL": "ws://127.0.0.1:8000/market/"})

    assert settings.binance.ws_url == "ws://127.0.0.1:8000/market"


@pytest.mark.parametrize("rearm", ["1.0", "0.9"])
def test_rearm_distance_must_be_larger_than_the_distance(rearm: str) -> None:
    assert _mistake({f"{ALERTS}REARM_PCT": rearm}).startswith(
        f"alerts.rearm_pct is {rearm}: give more than alerts.distance_pct, which is 1,"
    )


def test_larger_distance_alone_makes_the_default_rearm_distance_a_mistake() -> None:
    assert "alerts.rearm_pct is 1.4: give more than alerts.distance_pct, which is 2," in _mistake(
        {f"{ALERTS}DISTANCE_PCT": "2"}
    )


@pytest.mark.parametrize("host", ["127.0.0.1:8787", "localhost:8787", "[::1]"])
def test_host_with_a_port_or_brackets_is_told_what_does_not_belong_there(host: str) -> None:
    assert f'web.host is "{host}": give an address or a host name without scheme, port and brackets' in _mistake(
        {"LIQALERT_WEB__HOST": host}
    )


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org"])
def test_listening_beyond_loopback_needs_a_token(host: str) -> None:
    environ = {"LIQALERT_WEB__HOST": host}

    assert f'web.host is "{host}": give web.token as well' in _mistake(environ)
    assert load_settings(None, {**environ, "LIQALERT_WEB__TOKEN": "long-enough"}).web.host == host


def test_where_nothing_is_served_no_token_is_needed() -> None:
    assert load_settings(None, {"LIQALERT_WEB__HOST": "0.0.0.0"}, serves=False).web.open_to_anyone


@pytest.mark.parametrize(
    ("url", "remedy"),
    [
        ("sqlite:///liqalert.db", "begin it with sqlite+aiosqlite://"),
        ("postgresql://u:geheim@h/db", "begin it with postgresql+asyncpg://"),
        ("postgres://u:geheim@h/db", "begin it with postgresql+asyncpg://"),
        ("mysql://u:geheim@h/db", "(sqlite+aiosqlite and postgresql+asyncpg are known)"),
        ("postgresql://h:1/db?user=u&password=ge@heim&ssl=on", "begin it with postgresql+asyncpg://"),
        ("postgresql+asyncpg://u:ge@heim@h/db", "%40 for an @ in the password"),
        ("postgresql+asyncpg://u:p@ge:heim@h/db", "%40 for an @ in the password"),
        ("postgresql+asyncpg://u:geheim@h:five/db", "USER:PASSWORD@HOST:PORT/NAME"),
    ],
)
def test_database_of_the_wrong_kind_gets_a_remedy_and_keeps_its_password(url: str, remedy: str) -> None:
    mistake = _mistake({"LIQALERT_DATABASE__URL": url})

    assert remedy in mistake
    assert "heim" not in mistake


@pytest.mark.parametrize(
    "address", ["h/db", "u@h/db", "u:p:/w@h:5432/db", "u:p@[::1]:5432/db", "/db?host=/run/postgresql", "h:/db?ssl=on"]
)
def test_database_on_a_server_may_be_written_in_many_ways(address: str) -> None:
    url = f"postgresql+asyncpg://{address}"

    assert load_settings(None, {"LIQALERT_DATABASE__URL": url}).database.url == url


def test_address_of_the_market_keeps_its_password() -> None:
    mistake = _mistake({"LIQALERT_BINANCE__WS_URL": "wss://name:geheim@mirror.example/stream"})

    assert mistake.startswith(
        'binance.ws_url is "wss://name:***@mirror.example/stream": give wss://mirror.example/market'
    )
    assert "geheim" not in mistake


@pytest.mark.parametrize("name", ["webhook.url", "owner.ping_url"])
def test_several_addresses_where_there_can_be_one_are_refused(name: str) -> None:
    variable = f"LIQALERT_{name.upper().replace('.', '__')}"

    mistake = _mistake({variable: "https://a.example/geheim,https://b.example/geheim"})

    assert mistake.startswith(f"{name} is ***: give one address, because")
    assert "geheim" not in mistake


def test_time_zone_with_a_slip_gets_a_suggestion() -> None:
    assert "did you mean Europe/Berlin?" in _mistake({"LIQALERT_TELEGRAM__TIMEZONE": "Europe/Berln"})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "[alerts]\ndistence_pct = 1\n",
            "alerts.distence_pct is not a setting: did you mean alerts.distance_pct? (settings.toml line 2)",
        ),
        ("[alrts]\n", "alrts is not a section: did you mean alerts? (settings.toml line 1)"),
        (
            'tokn = "x"\n',
            "tokn is not a section: did you mean telegram.token or web.token? (settings.toml line 1)",
        ),
        ("[zzz]\n", "zzz is not a section (settings.toml line 1)"),
        (
            "alerts = 3\n",
            "alerts is a section: write [alerts] and its keys below it (settings.toml line 1)",
        ),
        ("[web]\nport = 1\n[web]\n", "settings.toml is not valid TOML: Cannot declare ('web',) twice (at line 3"),
        ("alerts.distance_pct = 0\n", "alerts.distance_pct is 0: give a number above 0 and at most 20"),
        ("[alerts]\ndistance_pct = true\n", "alerts.distance_pct is true: give a number above 0"),
        ('[alerts]\ndistance_pct = ""\n', 'alerts.distance_pct is "": give a number above 0'),
    ],
)
def test_mistake_in_the_shape_of_the_file_is_explained(tmp_path: Path, text: str, expected: str) -> None:
    tmp_path.joinpath("settings.toml").write_text(text)

    assert expected in _mistake({})


@pytest.mark.parametrize(
    ("variable", "expected"),
    [
        ("LIQALERT_ALERTS__DISTENCE_PCT", "did you mean alerts.distance_pct? (environment variable"),
        ("LIQALERT_ALRTS__DISTANCE_PCT", "alrts is not a section: did you mean alerts? (environment variable"),
        ("LIQALERT_ALERTS_DISTANCE_PCT", "names no setting: write LIQALERT_<SECTION>__<KEY>"),
        ("LIQALERT_ALERTS", "names no setting"),
    ],
)
def test_variable_that_means_nothing_is_refused_rather_than_ignored(variable: str, expected: str) -> None:
    mistake = _mistake({variable: "0.5"})

    assert variable in mistake
    assert expected in mistake


def test_named_file_that_is_missing_is_a_mistake(tmp_path: Path) -> None:
    missing = tmp_path / "missing.toml"

    assert _mistake({}, missing) == f"the settings file {missing} does not exist: create it or leave it out"


def test_secret_file_that_is_missing_is_a_mistake() -> None:
    assert _mistake({"LIQALERT_TELEGRAM__TOKEN_FILE": "/nowhere"}) == (
        "telegram.token_file /nowhere does not exist: create it or leave it out "
        "(environment variable LIQALERT_TELEGRAM__TOKEN_FILE)"
    )


@pytest.mark.parametrize("name", ["TELEGRAM__TOKEN_FILE", "WEB__TOKEN_FILE", "APPRISE__URLS_FILE"])
@pytest.mark.parametrize("secret", [TOKEN, f"ntfys://{TOKEN}", "geheim" * 100])
def test_secret_in_the_place_of_its_file_is_not_shown(name: str, secret: str) -> None:
    mistake = _mistake({f"LIQALERT_{name}": secret})

    assert f"_file *** {'does not exist' if len(secret) < 256 else 'cannot be read'}" in mistake
    assert f"(environment variable LIQALERT_{name})" in mistake
    assert secret not in mistake


def test_secret_and_its_file_at_once_are_refused(tmp_path: Path) -> None:
    tmp_path.joinpath("settings.toml").write_text(f'[telegram]\ntoken = "{TOKEN}"\ntoken_file = "token"\n')

    mistake = _mistake({})

    assert "telegram.token and telegram.token_file are both set: keep one" in mistake
    assert TOKEN not in mistake


@pytest.mark.parametrize(
    "text",
    [
        f'[telegram]\ntoken = "{TOKEN}"\nallowed_chats = "x"\n',
        f'[telegram]\ntoken = ["{TOKEN}"]\n',
        f'[telegram]\ntoekn = "{TOKEN}"\n',
        f'token = "{TOKEN}"\n',
        f'[web]\ntoken = "{TOKEN} with a blank"\n',
    ],
)
def test_no_mistake_shows_a_secret(tmp_path: Path, text: str) -> None:
    tmp_path.joinpath("settings.toml").write_text(text)

    with pytest.raises(SettingsError) as caught:
        load_settings(None, {})

    assert "AAE-not_a_real_token" not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
