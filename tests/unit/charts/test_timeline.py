import itertools
import re
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree as ET
from zoneinfo import ZoneInfo

import pytest

from bot.charts.timeline import Strip, draw

START = datetime(2024, 3, 11, 23, tzinfo=UTC)
PARIS = ZoneInfo("Europe/Paris")
HOUR = timedelta(hours=1)
SVG = "{http://www.w3.org/2000/svg}"


def strip(name: str = "Orange", **more: object) -> Strip:
    values = {
        "reports": [START + 9 * HOUR + i * timedelta(minutes=1) for i in range(30)],
        "expected": [(START + i * HOUR / 60, 0.1) for i in range(24 * 60)],
        "alarms": [(START + 9 * HOUR, 1, "1. 12/03/2024 09:00")],
        "known": [(START + 9 * HOUR, START + 12 * HOUR, "messagerie")],
    }
    return Strip(name, **{**values, **more})  # type: ignore[arg-type]


def drawn(*strips: Strip, hours: int = 24, language: str = "fr") -> ET.Element:
    return ET.fromstring(draw("Un jour", strips, START, START + hours * HOUR, language=language, zone=PARIS))  # noqa: S314 - a picture of our own


def texts(picture: ET.Element) -> list[str]:
    return [text.text or "" for text in picture.iter(f"{SVG}text")]


def test_a_strip_for_each_operator_under_one_title_and_legend() -> None:
    said = texts(drawn(strip(), strip("Free")))
    assert said[:5] == ["Un jour", "signalements", "niveau habituel", "brouillon de Vigie", "panne connue"]
    assert {"Orange", "Free"} <= {*said}
    assert "Vigie's draft" in texts(drawn(strip(), language="en"))


def test_times_are_the_newsrooms_and_have_the_date_alone_where_days_pass() -> None:
    assert "12/03 00:00" in texts(drawn(strip()))
    assert {"12/03/2024", "09/04/2024"} <= {*texts(drawn(strip(), hours=30 * 24))}


def test_alarms_and_known_outages_stand_where_they_were() -> None:
    picture = drawn(strip())
    [box] = [box for box in picture.iter(f"{SVG}rect") if box.find(f"{SVG}title") is not None]
    title = box.find(f"{SVG}title")
    assert title is not None
    assert title.text == "messagerie"
    left, wide = float(box.get("x", "")), float(box.get("width", ""))
    [mark] = picture.iter(f"{SVG}g")
    path = mark.find(f"{SVG}path")
    assert path is not None
    assert float(path.get("d", "")[1:].split()[0]) == pytest.approx(left, abs=0.1)
    assert wide == pytest.approx(3 / 24 * 1070, abs=1)


def test_the_tallest_bar_fills_the_strip_and_says_how_many_it_is() -> None:
    [bars] = [path.get("d", "") for path in drawn(strip()).iter(f"{SVG}path") if path.get("fill") == "#5b8db8"]
    heights = [-float(height) for height in re.findall(r"v(-[\d.]+)", bars)]
    assert max(heights) == 60.0
    assert len(heights) == 6  # thirty minutes in bins of five
    assert "max. 5 en 5 min" in texts(drawn(strip()))


def test_a_quiet_day_looks_quiet() -> None:
    [bars] = [
        path.get("d", "")
        for path in drawn(strip(reports=[START + HOUR])).iter(f"{SVG}path")
        if path.get("fill") == "#5b8db8"
    ]
    assert re.findall(r"v(-[\d.]+)", bars) == ["-15.0"]


def test_alarms_close_together_keep_their_numbers_apart() -> None:
    alarms = [(START + 9 * HOUR + i * timedelta(minutes=2), i, "") for i in range(1, 4)]
    picture = drawn(strip(alarms=alarms))
    at = [float(text.get("x", "")) for text in picture.iter(f"{SVG}text") if text.text in {"1", "2", "3"}]
    assert all(b - a >= 15.9 for a, b in itertools.pairwise(at))


def test_what_is_written_is_text_and_no_markup() -> None:
    known = [(START, START + HOUR, "<script>alert(1)</script> & co")]
    source = draw("<b>", [strip("A&B", known=known)], START, START + HOUR, language="en", zone=PARIS)
    assert "<script" not in source
    assert "A&amp;B" in source


def test_nothing_said_and_no_time_at_all_still_draws() -> None:
    empty = Strip("SFR", [], [], [], [])
    assert "SFR" in texts(drawn(empty))
    assert draw("", [empty], START, START, language="fr", zone=PARIS).startswith("<svg")
