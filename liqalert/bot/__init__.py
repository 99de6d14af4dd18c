"""Telegram commands: may this chat ask, parse, read, render, reply."""
