"""Decide, record, deliver: how an alert that is recorded reaches every chat that asked for it. Start at `sender.py`."""
