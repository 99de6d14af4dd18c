"""`liqalert alert test`."""

from __future__ import annotations

import argparse

from liqalert.cli.options import CommandFailed, Commands, Parser, add_command, readable, settings_of


def add_commands(commands: Commands) -> None:
    parser: Parser = commands.add_parser("alert", help="send a test alert through the real path")
    actions = parser.add_subparsers(prog="liqalert alert", title="commands", metavar="COMMAND", required=True)
    test = add_command(
        actions,
        "test",
        _test,
        summary="have the running daemon send a test alert: rule, database, outbox, channel",
        examples="""\
  liqalert alert test                           # to the owner's chat; without Telegram, where else alerts go
  liqalert alert test --chat 123456789          # to another chat
  liqalert alert test --chat webhook            # to the webhook; to Apprise by the names that `liqalert check` gives
""",
    )
    test.add_argument(
        "--chat", type=readable, metavar="ID", help="an allowed chat, or another channel (default: the owner's)"
    )


def _test(args: argparse.Namespace) -> int:
    import msgspec

    from liqalert.cli.client import DaemonClient, NotRunning
    from liqalert.cli.tables import Taken, decoded
    from liqalert.render.numbers import one_line

    client = DaemonClient.of(settings_of(args))
    try:
        answer = client.post("/api/v1/alerts/test", msgspec.json.encode({"chat": args.chat}))
    except NotRunning as exc:
        # A command never writes beside a running daemon, and cannot know that none runs elsewhere.
        raise CommandFailed(f"{exc}: start it with `liqalert run`, because only the daemon sends") from None
    id_ = one_line(decoded(answer, Taken).id)
    print(f"The daemon has taken test alert {id_}: `liqalert why {id_}` says whether it has arrived.")
    return 0
