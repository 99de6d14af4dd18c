"""The table of all cases: plain, as Markdown, as JSON, and in the README."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from tests.faults.case import Case, Result
from tests.faults.measures import Measured

HEAD = (
    "fault",
    "liquidations lost / sent",
    "of them in no gap",
    "gap",
    "alerts owed / lost / again",
    "noticed",
    "told",
    "recovered",
    "may lose, repeat",
    "",
)
BEGIN = "<!-- Written by `make faults FAULTS_ARGS=--readme`. -->"
END = "<!-- The end of what was written. -->"


class _Written(msgspec.Struct):
    case: str
    measured: Measured


def table(results: Sequence[Result], *, markdown: bool = False) -> str:
    """One line a case, and below it what was breached."""
    rows = [HEAD, *(_row(result) for result in results)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    if markdown:
        lines = ["| " + " | ".join(row) + " |" for row in rows]
        return "\n".join([lines[0], "|" + "---|" * len(HEAD), *lines[1:]])
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([*lines, "", *_details(results)])


def write_json(results: Sequence[Result], path: Path) -> None:
    content = [
        {"case": result.case.name, "allowed": result.case.allowed, "measured": result.measured}
        | {"breaches": result.breaches}
        for result in results
    ]
    path.write_bytes(msgspec.json.format(msgspec.json.encode(content), indent=1) + b"\n")


def read_json(path: Path, cases: Sequence[Case]) -> dict[str, Result]:
    """What `write_json` has written, by the name of the case; judged by what is allowed now."""
    written = msgspec.json.decode(path.read_bytes(), type=list[_Written])
    known = {case.name: case for case in cases}
    return {each.case: Result(known[each.case], each.measured) for each in written if each.case in known}


def write_readme(results: Sequence[Result], path: Path, *, made: str) -> None:
    """Puts the table between the two marks. `made`: a sentence that says how and when."""
    text = path.read_text()
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    path.write_text(f"{before}{BEGIN}\n\n{made}\n\n{table(results, markdown=True)}\n\n{END}{after}")


def _row(result: Result) -> tuple[str, ...]:
    case, found = result.case, result.measured
    if found.error is not None:
        return (case.name, *[""] * (len(HEAD) - 2), "NOT PLAYED")
    repeats = case.allowed.repeated
    return (
        case.name,
        f"{found.events_lost} / {found.events_sent}",
        str(found.events_unexplained),
        _seconds(found.gap_s) if found.gap_s else "none",
        f"{found.alerts_owed} / {found.alerts_lost} / {found.alerts_repeated}",
        _seconds(found.noticed_s),
        _seconds(found.told_s),
        _seconds(found.recovered_s),
        f"{case.allowed.loss}, {repeats or 'none'}",
        "BREACH" if result.breaches else "ok",
    )


def _details(results: Sequence[Result]) -> list[str]:
    lines = []
    for result in results:
        lines += [f"{result.case.name}: {fact}" for fact in result.measured.facts if fact.what != "exit code"]
        lines += [f"BREACH {result.case.name}: {breach}" for breach in result.breaches]
        if result.breaches and result.kept_in is not None:
            lines.append(f"    see {result.kept_in}")
    return lines


def _seconds(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:.1f} s" if value < 600 else f"{value / 60:.0f} min"
