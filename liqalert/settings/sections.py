"""Every setting with its default, its range and, where a type cannot say it, what to give instead of a mistake."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic import Secret as MaskedValue
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from liqalert.core.rules import RuleKind
from liqalert.settings import values

REST_URL = "https://fapi.binance.com"
COIN_REST_URL = "https://dapi.binance.com"
TOKEN_CHARACTERS = 16
"""The fewest that cannot be guessed over a network, where they are random."""


class Secret(MaskedValue[str]):
    """A text that prints as `***`; `get_secret_value()` is the only way to read it."""

    def _display(self) -> str:
        return "***"


def _address(url: Secret | None) -> Secret | None:
    if url is not None:
        values.whole_url(url.get_secret_value())
    return url


OptionalSecret: TypeAlias = Annotated[Secret | None, BeforeValidator(values.empty_as_none)]
SecretUrl: TypeAlias = Annotated[OptionalSecret, AfterValidator(_address)]
OptionalPath: TypeAlias = Annotated[
    Path | None, BeforeValidator(values.empty_as_none), AfterValidator(values.expanded_path)
]
HttpUrl: TypeAlias = Annotated[str, AfterValidator(values.http_url)]
Days: TypeAlias = Annotated[int, Field(ge=1, le=3650)]


class Section(BaseModel):
    """What all sections share: frozen, no unknown keys, no NaN, and `true` is not the number 1."""

    # Inputs are hidden because pydantic's own text would carry a token into whatever prints it.
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, hide_input_in_errors=True)

    @field_validator("*", mode="before")
    @classmethod
    def _no_bool_as_number(cls, value: object, info: ValidationInfo) -> object:
        field = cls.model_fields[info.field_name or ""]
        if isinstance(value, bool) and field.annotation in (int, float):
            raise ValueError(values.expected(field))
        return value


class Binance(Section):
    enabled: bool = True
    ws_url: Annotated[str, AfterValidator(values.market_url)] = "wss://fstream.binance.com/market"
    rest_url: HttpUrl = REST_URL
    coin_rest_url: HttpUrl = COIN_REST_URL
    symbols: Annotated[tuple[str, ...] | Literal["all"], BeforeValidator(values.symbols)] = ("BTCUSDT", "ETHUSDT")
    connections: int = Field(default=2, ge=1, le=4)

    @model_validator(mode="before")
    @classmethod
    def _one_rest_url_serves_both(cls, given: object) -> object:
        """A stand-in given as rest_url also answers for COIN-M; Binance itself has two hosts."""
        if isinstance(given, dict) and "coin_rest_url" not in given and given.get("rest_url", REST_URL) != REST_URL:
            return {**given, "coin_rest_url": given["rest_url"]}
        return given


class Clusters(Section):
    window_pct: float = Field(default=2.0, ge=0.1, le=10)
    decay_minutes: float = Field(default=60.0, ge=1, le=1440)
    min_events: int = Field(default=5, ge=1, le=1000)
    rebuild_seconds: float = Field(default=5.0, ge=0.1, le=60)


class Alerts(Section):
    distance_pct: float = Field(default=1.0, gt=0, le=20)
    # Checked even when it is the default, because a larger distance alone makes the default wrong.
    rearm_pct: float = Field(default=1.4, gt=0, le=40, validate_default=True)
    min_strength: float = Field(default=0.6, ge=0.3, lt=1)
    cooldown_minutes: float = Field(default=30.0, ge=0, le=1440)
    memory_hours: float = Field(default=24.0, gt=0, le=168)
    min_notional_usd: float = Field(default=100_000.0, ge=0, le=1e12)
    kinds: Annotated[tuple[RuleKind, ...], BeforeValidator(values.kinds)] = (RuleKind.NEAR, RuleKind.CASCADE)
    large_usd: float = Field(default=1_000_000.0, gt=0, le=1e12)
    digest_after: int = Field(default=4, ge=1, le=100)
    daily_cap: int = Field(default=60, ge=1, le=10_000)

    @field_validator("rearm_pct")
    @classmethod
    def _rearm_beyond_distance(cls, rearm_pct: float, info: ValidationInfo) -> float:
        distance_pct = info.data.get("distance_pct")
        if distance_pct is not None and rearm_pct <= distance_pct:
            raise ValueError(
                f"give more than alerts.distance_pct, which is {distance_pct:g}, "
                "or a price that hovers there alerts again and again"
            )
        return rearm_pct


class Telegram(Section):
    token: OptionalSecret = None
    token_file: OptionalPath = None
    api_url: HttpUrl = "https://api.telegram.org"
    allowed_chats: Annotated[
        tuple[int, ...], BeforeValidator(values.as_list), AfterValidator(values.without_repeats)
    ] = Field(default=(), description="chat ids, which are whole numbers like 123456789 or -1001234567890")
    timezone: Annotated[str, AfterValidator(values.timezone)] = "UTC"


class Webhook(Section):
    url: SecretUrl = None
    url_file: OptionalPath = None
    secret: OptionalSecret = None
    secret_file: OptionalPath = None


class Apprise(Section):
    urls: Annotated[
        tuple[Secret, ...], BeforeValidator(values.apprise_urls), AfterValidator(values.without_repeats)
    ] = ()
    urls_file: OptionalPath = None


class Owner(Section):
    summary_at: Annotated[str | None, BeforeValidator(values.empty_as_none), AfterValidator(values.time_of_day)] = None
    ping_url: SecretUrl = None
    ping_url_file: OptionalPath = None


class Console(Section):
    enabled: Annotated[bool | None, BeforeValidator(values.empty_as_none)] = None
    """None: on when no other channel is configured; `Settings.console_enabled` decides."""


class Database(Section):
    # Left out of repr, because a PostgreSQL address may hold a password.
    url: Annotated[str, AfterValidator(values.database_url)] = Field(
        default="sqlite+aiosqlite:///liqalert.db", repr=False
    )
    url_file: OptionalPath = None


class Web(Section):
    enabled: bool = True
    token: OptionalSecret = None
    token_file: OptionalPath = None
    host: Annotated[str, AfterValidator(values.host)] = "127.0.0.1"
    port: int = Field(default=8787, ge=0, le=65535)
    public_url: Annotated[str | None, BeforeValidator(values.empty_as_none), AfterValidator(values.public_url)] = None

    @field_validator("token")
    @classmethod
    def _token_fits_a_header(cls, token: Secret | None) -> Secret | None:
        if token is not None and not re.fullmatch(r"[!-~]+", token.get_secret_value()):
            raise ValueError("give letters, digits and signs without blanks, because it travels in an HTTP header")
        return token

    @property
    def open_to_anyone(self) -> bool:
        """Whether others can reach the address, and no token is asked of them: nothing may be served there."""
        return self.token is None and not values.is_loopback(self.host)

    @property
    def guessable(self) -> str:
        """What is wrong where others can try tokens, and the token is short enough for that; else nothing."""
        reached = self.enabled and (self.public_url is not None or not values.is_loopback(self.host))
        if self.token is None or not reached or len(self.token.get_secret_value()) >= TOKEN_CHARACTERS:
            return ""
        return (
            f"has fewer than {TOKEN_CHARACTERS} characters, and others can try to guess it: "
            "give a long random text, like `openssl rand -hex 16` prints"
        )


class Recording(Section):
    directory: OptionalPath = None


class Retention(Section):
    """How many days each table keeps a row. What belongs to a row goes with it."""

    # A restart reloads 12 decay constants, which are 12 days at most.
    liquidations_days: int = Field(default=30, ge=12, le=3650)
    gaps_days: Days = 365
    zones_days: Days = 365
    """With their episodes and transitions."""
    alerts_days: Days = 365
    """With their deliveries."""
    candles_days: Days = 365
    # Strength is judged against the 30 days before today.
    baselines_days: int = Field(default=40, ge=31, le=3650)

    def by_table(self) -> dict[str, float]:
        """Days by the name of the table, as pruning wants them."""
        return {
            "liquidations": self.liquidations_days,
            "feed_gaps": self.gaps_days,
            "clusters": self.zones_days,
            "alerts": self.alerts_days,
            "candles": self.candles_days,
            "baselines": self.baselines_days,
        }


class Log(Section):
    level: Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(values.lower)] = Field(
        default="info", description="debug, info, warning or error"
    )
    format: Annotated[Literal["text", "json"], BeforeValidator(values.lower)] = Field(
        default="text", description="text or json"
    )


class Settings(BaseSettings):
    """All settings, frozen. `Settings()` gives the defaults; `load_settings` reads file, environment and secrets."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        env_prefix="LIQALERT_",
        env_nested_delimiter="__",
        enable_decoding=False,
    )

    binance: Binance = Binance()
    clusters: Clusters = Clusters()
    alerts: Alerts = Alerts()
    telegram: Telegram = Telegram()
    webhook: Webhook = Webhook()
    apprise: Apprise = Apprise()
    owner: Owner = Owner()
    console: Console = Console()
    database: Database = Database()
    web: Web = Web()
    recording: Recording = Recording()
    retention: Retention = Retention()
    log: Log = Log()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what is passed in: `load_settings` reads the other sources, so that a mistake can name its place."""
        return (init_settings,)

    @property
    def console_enabled(self) -> bool:
        """Whether alerts are printed: as set, else when there is nobody else to tell."""
        if self.console.enabled is not None:
            return self.console.enabled
        telegram = self.telegram.token is not None and bool(self.telegram.allowed_chats)
        return not (telegram or self.webhook.url or self.apprise.urls)

    def secrets(self) -> tuple[str, ...]:
        """Every secret text in these settings, for logs to leave out."""
        given = (self.telegram.token, self.web.token, self.webhook.url, self.webhook.secret, self.owner.ping_url)
        texts = [secret.get_secret_value() for secret in (*given, *self.apprise.urls) if secret]
        texts.append(values.database_password(self.database.url) or "")
        # An address may be shown in part: so may the secret in it.
        parts = [part for text in texts for part in values.secret_parts(text)]
        return values.without_repeats(tuple(text for text in (*texts, *parts) if text))
