"""Telegram addresses: a chat's id as text, with a slash and the topic's id for a topic of a forum."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """Where a message goes: a chat, or one topic of a forum."""

    chat_id: int
    thread_id: int | None = None

    @property
    def addresses(self) -> tuple[str, ...]:
        """The topic's, where there is one, then the chat's."""
        chat = str(self.chat_id)
        return (chat,) if self.thread_id is None else (f"{chat}/{self.thread_id}", chat)


def chat_of(address: str) -> str:
    """`-100123` of `-100123/45`: the chat's own address, without the topic."""
    return address.partition("/")[0]


def place_of(address: str) -> Place:
    """`-100123/45` is topic 45 of the chat -100123."""
    chat_id, _, thread_id = address.partition("/")
    return Place(int(chat_id), int(thread_id) if thread_id else None)
