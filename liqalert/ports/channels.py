"""The channels over which alerts leave, by name: as in `chats.channel`, in logs and in metrics."""

TELEGRAM = "telegram"
WEBHOOK = "webhook"
APPRISE = "apprise"
CONSOLE = "console"
