"""The table, and where it stands."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

from tests.faults.case import Case, Result
from tests.faults.cases import CASES
from tests.faults.measures import Allowed, Fact, Loss, Measured
from tests.faults.report import BEGIN, END, read_json, table, write_json, write_readme
from tests.faults.rig import Rig

README = Path(__file__).parents[2] / "README.md"


async def nothing(rig: Rig) -> None:
    pass


FINE = Result(
    Case("a line is cut", nothing, Allowed(Loss.GAP, noticed_s=5)),
    Measured(events_sent=90, events_lost=7, gap_s=2.04, alerts_owed=1, noticed_s=0.31, facts=(Fact("attempts", 3),)),
)
BAD = Result(Case("a disk is full", nothing, Allowed(recovered_s=900)), Measured(alerts_lost=1, recovered_s=840.0))


def test_a_line_holds_what_was_measured_and_what_is_allowed() -> None:
    line = table([FINE], markdown=True).splitlines()[2]

    assert line == ("| a line is cut | 7 / 90 | 0 | 2.0 s | 1 / 0 / 0 | 0.3 s | – | – | the gap, none | ok |")


def test_a_breach_is_marked_and_said_below_the_table() -> None:
    shown = table([FINE, BAD])

    assert shown.splitlines()[2].endswith("14 min     none, none        BREACH")
    assert "a line is cut: attempts: 3" in shown
    assert "BREACH a disk is full: 1 of 0 alerts never came" in shown


def test_json_holds_everything(tmp_path: Path) -> None:
    write_json([FINE, BAD], tmp_path / "results.json")

    first, second = msgspec.json.decode((tmp_path / "results.json").read_bytes())
    assert (first["case"], first["measured"]["events_lost"], first["breaches"]) == ("a line is cut", 7, [])
    assert second["breaches"] == ["1 of 0 alerts never came"]


def test_json_is_read_back_and_judged_anew(tmp_path: Path) -> None:
    write_json([FINE, BAD], tmp_path / "results.json")
    stricter = Case(FINE.case.name, nothing, Allowed(noticed_s=0.1, loss=Loss.GAP))

    found = read_json(tmp_path / "results.json", [stricter])

    assert found[FINE.case.name].measured == FINE.measured
    assert found[FINE.case.name].breaches == ("noticed after 0.3 s, 0.1 s are allowed",)
    assert BAD.case.name not in found


def test_the_readme_is_rewritten_between_its_marks_only(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n\n{BEGIN}\n\nthe one before\n\n{END}\n\nafter\n")

    write_readme([FINE], readme, made="Measured today.")

    text = readme.read_text()
    assert text.startswith(f"before\n\n{BEGIN}\n\nMeasured today.\n\n| fault |")
    assert text.endswith(f"| ok |\n\n{END}\n\nafter\n")
    assert "the one before" not in text


def test_the_readme_shows_every_case_there_is() -> None:
    block = README.read_text().partition(BEGIN)[2].partition(END)[0]

    assert re.findall(r"^\| (.+?) \|", block, re.MULTILINE)[1:] == [case.name for case in CASES]
    assert re.search(r"Measured on 20\d\d-\d\d-\d\d by `make faults`", block)


def test_no_two_cases_have_the_same_name() -> None:
    assert len({case.name for case in CASES}) == len(CASES)
