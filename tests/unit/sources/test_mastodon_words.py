"""What becomes of a post's HTML, of operators' names as hashtags, and of the bytes of a stream."""

import time

import pytest

from bot.domain.operators import Operator, Service
from sources._hashtags import default_tags, owners
from sources._posttext import post_text
from sources._sse import MAX_EVENT_BYTES, EventParser
from tests.fakes.source_world import ORANGE, SFR

BOUYGUES = Operator(
    "bouygues",
    "Bouygues Telecom",
    (Service.INTERNET,),
    aliases=("bouygues", "bbox"),
    brands=(("b_and_you", ("b&you",)), ("red", ("red",))),
)
OPERATORS = {
    "orange": Operator("orange", "Orange", ORANGE.services, ("orange",), (("sosh", ("sosh",)),), homonym=True),
    "sfr": SFR,
    "bouygues": BOUYGUES,
}


# --- HTML --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("<p>Un.</p><p>Deux<br>trois<br />quatre</p>", "Un.\nDeux\ntrois\nquatre"),
        ("Panne &amp; co&nbsp;: l&#39;été &lt;3", "Panne & co : l'été <3"),
        ('<a href="#"><span class="invisible">https://</span>x.fr<span class="invisible"></span></a>', "x.fr"),
        ('a<span class="invisible">b<span>c</span>d</span>e', "ae"),
        ('<span class="h-card"><a href="#">@<span>camille</span></a></span> #<span>Sosh</span>', "@camille #Sosh"),
        ('<p class="quote-inline">RE: <a href="#">x.example/@orange/1</a></p><p>Rien ici</p>', "Rien ici"),
        ('Rien<span class="quote-inline"><br/>RE: <a href="#">x.example/@orange</a></span>', "Rien"),
        ("<script>alert(1)</script>oui<style>p{}</style>", "oui"),
        ("<ul><li>un</li><li>deux</li></ul>", "un\ndeux"),
        ("1 < 2 et 3 > 2", "1 < 2 et 3 > 2"),
        ("<p>coupé <a href=", "coupé <a href="),
        ("<!-- rien --><p>  trop   d’espaces\t</p>", "trop d’espaces"),
        ('<span class="invisible">jamais fermé', ""),
        ("", ""),
    ],
)  # fmt: skip
def test_html_becomes_plain_text(content: str, text: str) -> None:
    assert post_text(content) == text


@pytest.mark.parametrize("piece", ["<", "<p ", "<span class='invisible'>", "&", "&#", "</", "<!--", 'class="', "a<b>"])
def test_hostile_html_costs_linear_time(piece: str) -> None:
    begin = time.process_time()
    assert len(post_text(piece * 200_000)) <= 20_000
    assert time.process_time() - begin < 2.0  # quadratic would be minutes


# --- hashtags ------------------------------------------------------------------------------------------------------


def test_hashtags_are_made_of_names() -> None:
    assert default_tags(OPERATORS) == (
        "panneorange", "orangehs", "pannesfr", "sfr",
        "pannebouyguestelecom", "bouyguestelecom", "pannebouygues", "bouygues",
        "sosh", "bandyou",
    )  # fmt: skip


def test_a_hashtag_is_its_longest_names() -> None:
    tags = ("PanneOrange", "sosh", "bboxHS", "panne_bouygues_telecom", "panneinternet", "été")
    assert owners(tags, OPERATORS) == {
        "panneorange": "orange",
        "sosh": "orange",
        "bboxhs": "bouygues",
        "pannebouyguestelecom": "bouygues",
    }


# --- a stream's bytes ------------------------------------------------------------------------------------------------

STREAM = b':)\nevent: update\ndata: {"n": 1}\n\n:thump\n\nevent: delete\ndata: 17\n\ndata: a\ndata: b\nid: 3\n\n'
EVENTS = [("update", '{"n": 1}'), ("delete", "17"), ("message", "a\nb")]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
def test_events_are_whole_however_they_are_cut(size: int, line_end: bytes) -> None:
    stream = STREAM.replace(b"\n", line_end)
    parser = EventParser()
    assert [e for i in range(0, len(stream), size) for e in parser.feed(stream[i : i + size])] == EVENTS


def test_a_character_may_be_cut() -> None:
    parser = EventParser()
    whole = "event: update\ndata: é\n\n".encode()
    assert [parser.feed(whole[:21]), parser.feed(whole[21:])] == [[], [("update", "é")]]
    assert parser.feed(b"data: \xff\n\n") == [("message", "\ufffd")]


@pytest.mark.parametrize(
    "huge", [b"data: " + b"x" * (MAX_EVENT_BYTES + 10) + b"\n", b"data:\n" * (MAX_EVENT_BYTES + 10)]
)
def test_a_huge_event_is_dropped_and_the_stream_goes_on(huge: bytes) -> None:
    parser = EventParser()
    got = []
    for i in range(0, len(huge), 65536):
        got += parser.feed(huge[i : i + 65536])
        assert len(parser._line) + sum(map(len, parser._data)) <= 2 * MAX_EVENT_BYTES
        assert len(parser._data) <= MAX_EVENT_BYTES
    assert got + parser.feed(b"\nevent: update\ndata: 2\n\n") == [("update", "2")]


def test_bytes_without_end_are_not_kept() -> None:
    parser = EventParser()
    for _ in range(64):
        assert parser.feed(b"x" * 65536) == []
        assert len(parser._line) <= MAX_EVENT_BYTES + 65536
