"""The exchanges that are listened to, by name: as in `Instrument.exchange`, in the database and in recordings."""

BINANCE = "binance"
