from datetime import UTC, datetime

import pytest

from bot.errors import InputError
from bot.flow.outages import Outage, parse_outages

KNOWN = {"orange", "free"}
HEAD = "operator,start,end,label"
ROW = "orange,2023-12-05T08:05,2023-12-05T18:00,messagerie"


def parse(*lines: str) -> list[Outage]:
    return parse_outages(lines, "known.csv", KNOWN)


def test_a_row_an_outage_in_order_of_time() -> None:
    later, sooner = parse(HEAD, ROW, "", 'free,2023-12-04 07:00+01:00,2023-12-04T09:00Z,"mobile, Ouest"')[::-1]
    assert later == Outage(
        "orange", datetime(2023, 12, 5, 8, 5, tzinfo=UTC), datetime(2023, 12, 5, 18, tzinfo=UTC), "messagerie"
    )
    assert sooner.start == datetime(2023, 12, 4, 6, tzinfo=UTC)
    assert sooner.label == "mobile, Ouest"


def test_the_label_may_be_left_out_and_the_table_may_be_empty() -> None:
    assert parse("\ufeffoperator,start,end", "free,2024-01-01,2024-01-02")[0].label == ""
    assert parse(HEAD) == []


@pytest.mark.parametrize(
    ("lines", "error"),
    [
        ([], "known.csv:1: header: "),
        (["operator,from,to", ROW], "known.csv:1: header: "),
        ([HEAD, "orange,2023-12-05T08:05"], "known.csv:2: row: has 2 fields"),
        ([HEAD, ROW, "telegraphe,2023-12-05,2023-12-06,"], "known.csv:3: operator: unknown: telegraphe"),
        ([HEAD, "orange,yesterday,2023-12-06,"], "known.csv:2: start: not a time: 'yesterday'"),
        ([HEAD, "orange,2023-12-06,2023-12-06,"], "known.csv:2: end: not after the start"),
        ([HEAD, 'orange,"2023'], "known.csv:2: row: "),
    ],
)
def test_a_bad_row_is_named(lines: list[str], error: str) -> None:
    with pytest.raises(InputError) as caught:
        parse(*lines)
    assert str(caught.value).startswith(error)
    assert "\n" not in str(caught.value)
