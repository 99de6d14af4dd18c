"""The pure core: no I/O, no clock, no asyncio, no logging, no randomness. `engine.Engine` is the only mutable thing."""
