from liqalert.app.keeping import dropped_sentence, waiting_phrase
from liqalert.web.metrics_storage import StorageFigures


def test_what_waits_is_said_while_the_database_refuses() -> None:
    waiting = (("liquidations", 1_200), ("gaps", 0), ("alerts", 2))

    assert waiting_phrase(StorageFigures(writable=False, waiting=waiting)) == (
        "waiting in memory: 1,200 liquidations, 2 alerts"
    )
    assert waiting_phrase(StorageFigures(writable=True, waiting=waiting)) is None
    assert waiting_phrase(StorageFigures(writable=False)) is None


def test_what_was_given_up_is_named() -> None:
    figures = StorageFigures(dropped=(("liquidations", 5), ("candles", 0), ("decisions", 1)))

    assert dropped_sentence(figures) == (
        "The database did not take everything. Given up since the start: 5 liquidations, 1 decisions."
    )
    assert dropped_sentence(StorageFigures()) is None
