"""liqalert: live liquidation clusters of crypto futures, with alerts when price nears a strong one.

Imports point down: cli > app > settings > bot, web, feeds, storage, notifiers > pipeline, delivery > board >
ports, render > core > clock, logs. `core` is pure. Start reading at `pipeline.py`.
"""

__version__ = "0.1.0"
