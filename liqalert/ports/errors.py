"""What adapters raise. The attributes carry the whole policy; no text holds a secret."""

from __future__ import annotations


class StorageError(Exception):
    """The database refused. The text names the operation, the database (without password) and the cause."""


class DatabaseAway(StorageError):
    """Nothing is wrong with what was asked: the server, the disk or a lock is in the way, which may pass."""


class RowRefused(StorageError):
    """The database works, but refuses one of these rows: trying again will not help."""


class DeliveryError(Exception):
    """A notifier could not deliver. The attributes carry the whole retry policy; the text holds no secret.

    `permanent`: never try this message at this address again. `retry_after_s`: the service said how long to wait, for
    this address only. `moved_to`: the address has changed. `address_dead`: nothing can be sent there any more.
    `channel_dead`: the whole channel is refused (a wrong token). `closed`: the address that takes no messages for now,
    this one or the chat it is a topic of; what waits for it is tried again.
    """

    def __init__(
        self,
        message: str,
        *,
        permanent: bool = False,
        retry_after_s: float | None = None,
        moved_to: str | None = None,
        address_dead: bool = False,
        channel_dead: bool = False,
        closed: str | None = None,
    ) -> None:
        super().__init__(message)
        self.permanent = permanent
        self.retry_after_s = retry_after_s
        self.moved_to = moved_to
        self.address_dead = address_dead
        self.channel_dead = channel_dead
        self.closed = closed
