"""X: counts become tallies, posts are read only when a surge or the budget allows, and the ceiling holds."""

import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from bot.domain.operators import Operator, Service
from bot.domain.signals import HealthState, Mention, Tally
from bot.errors import ConfigError, SourceError
from bot.ports import Reading
from sources._ledger import Ledger
from sources._xquery import default_query
from sources.x import Settings, XSource, create
from tests.emulators.x import TOKEN, X, x_api
from tests.fakes.source_world import NOW, ORANGE, SourceWorld, failure, read_once


class Setting:
    def __init__(self, api: X) -> None:
        self.api = api
        self.world = SourceWorld()
        self.source = self.make()
        self._made = [self.source]

    def make(self, **more: Any) -> XSource:
        values = {"kind": "x", "bearer_token": TOKEN, "operators": ["orange"], "endpoint": self.api.url}
        return create(Settings.model_validate(values | more), self.world.deps)

    def use(self, **more: Any) -> None:
        self.source = self.make(**more)
        self._made.append(self.source)

    async def read(self, cursor: str | None = None) -> Reading:
        return await read_once(self.source, cursor)

    async def until_failure(
        self, most_reads: int, found: list[Any] | None = None, cursor: str | None = None
    ) -> tuple[SourceError, str | None]:
        """Read every quarter of an hour until it fails, as it does when a ceiling is reached."""
        for _ in range(most_reads):
            try:
                async for reading in self.source.read(cursor):
                    cursor = reading.cursor or cursor
                    if found is not None:
                        found += reading.events
            except SourceError as error:
                return error, cursor
            self.world.clock.move_to(self.world.clock.now() + timedelta(minutes=15))
        raise AssertionError("it never failed")

    def calls(self, what: str) -> int:
        return sum(path.endswith(what) for path, _ in self.api.calls)

    async def close(self) -> None:
        for source in self._made:
            await source.close()
        await self.world.http.real.close()


@pytest.fixture
async def setting() -> AsyncIterator[Setting]:
    async with x_api() as api:
        made = Setting(api)
        yield made
        await made.close()


def mentions(reading: Reading) -> list[Mention]:
    return [event for event in reading.events if isinstance(event, Mention)]


def tallies(reading: Reading) -> list[Tally]:
    return [event for event in reading.events if isinstance(event, Tally)]


async def test_counts_become_tallies_by_the_minute(setting: Setting) -> None:
    reading = await setting.read()
    found = tallies(reading)
    assert len(found) == len(reading.events)
    assert found[-15] == Tally("x", "orange", datetime(2026, 3, 2, 8, 44, tzinfo=UTC), 60, 3, NOW)
    assert found[-1].start == datetime(2026, 3, 2, 8, 58, tzinfo=UTC)
    assert reading.complete_to is None  # or every bucket of the newsroom would close two minutes late


async def test_counts_by_the_hour(setting: Setting) -> None:
    setting.use(granularity="hour")
    found = tallies(await setting.read())
    assert (found[-1].start, found[-1].seconds) == (datetime(2026, 3, 2, 7, 0, tzinfo=UTC), 3600)
    assert (len(found), {tally.seconds for tally in found}) == (7 * 24 - 1, {3600})


async def test_counts_are_asked_every_interval_only_and_leave_no_gap(setting: Setting) -> None:
    reading = await setting.read()
    cursor = reading.cursor
    setting.world.clock.move_to(NOW + timedelta(minutes=5))
    assert (await setting.read(cursor)).events == ()
    assert setting.calls("counts/recent") == 1
    setting.world.clock.move_to(NOW + timedelta(minutes=40))
    later = tallies(await setting.read(cursor))
    assert later[0].start == tallies(reading)[-1].start + timedelta(minutes=1)
    assert len(later) == 40


async def test_the_past_week_is_counted_at_the_start_for_the_price_of_one_count(setting: Setting) -> None:
    readings = [reading async for reading in setting.source.read(None)]
    found = [event for reading in readings for event in reading.events if isinstance(event, Tally)]
    assert (len(found), found[0].start) == (7 * 1440 - 10, datetime(2026, 2, 23, 9, 9, tzinfo=UTC))
    assert max(len(reading.events) for reading in readings) <= 1000  # each is a step of the newsroom
    assert setting.api.spent_eur == 0.005
    assert [reading.cursor is not None for reading in readings] == [True, *[False] * (len(readings) - 2), True]


@pytest.mark.parametrize(("days", "counted"), [(5, 5 * 1440), (40, 7 * 1440 - 10)])
async def test_a_gap_is_filled_as_far_as_x_can_tell(setting: Setting, days: int, counted: int) -> None:
    cursor = (await setting.read()).cursor
    setting.world.clock.move_to(NOW + timedelta(days=days))
    assert len(tallies(await setting.read(cursor))) == counted


async def test_a_tally_never_gives_mentions_without_a_surge(setting: Setting) -> None:
    setting.api.post(1, "Orange en panne", "2026-03-02T08:58:00Z")
    assert mentions(await setting.read()) == []
    assert setting.calls("search/recent") == 0


async def test_a_surge_is_searched_each_post_once(setting: Setting) -> None:
    setting.world.surges.add("orange")
    setting.api.post(1, "trop vieux", "2026-03-02T07:00:00Z")
    setting.api.post(20, "Orange en panne à Mâcon", "2026-03-02T08:58:00Z", author="77")
    setting.api.post(21, "ici aussi, Orange HS", "2096-03-02T08:59:00Z")
    reading = await setting.read()
    first, second = mentions(reading)
    assert first == Mention(
        source="x",
        id="20",
        author="77",
        text="Orange en panne à Mâcon",
        published_at=datetime(2026, 3, 2, 8, 58, tzinfo=UTC),
        seen_at=NOW,
        url="https://x.com/i/status/20",
        operator_hint="orange",
    )
    assert second.published_at == NOW  # their clock is ahead
    setting.world.clock.move_to(NOW + timedelta(minutes=5))
    setting.api.post(22, "toujours en panne chez Orange", "2026-03-02T09:03:00Z")
    assert [mention.id for mention in mentions(await setting.read(reading.cursor))] == ["22"]


async def test_a_calm_search_has_a_budget_of_its_own(setting: Setting) -> None:
    setting.use(calm_search_daily_eur=0.08, interval=timedelta(minutes=5))
    for number in range(1, 60):
        setting.api.post(number, f"Orange en panne {number}", "2026-03-02T08:59:00Z")
    reading = await setting.read()
    assert len(mentions(reading)) == 16  # 0.08 € at 0.005 €
    assert mentions(await setting.read(reading.cursor)) == []


async def test_counts_come_before_the_posts_that_they_count(setting: Setting) -> None:
    setting.use(calm_search_daily_eur=0.08)
    setting.api.post(1, "Orange en panne", "2026-03-02T08:59:00Z")
    events = (await setting.read()).events
    assert [type(event) for event in events] == [Tally] * (len(events) - 1) + [Mention]


async def test_the_daily_ceiling_pauses_until_tomorrow(setting: Setting) -> None:
    setting.use(daily_eur=0.02)
    error, cursor = await setting.until_failure(10)
    assert (error.state, error.reason) == (HealthState.PAUSED, "plafond du jour de 0,02 € atteint")
    assert error.retry_after == pytest.approx(14 * 3600, abs=1)  # it is 10 o'clock UTC
    assert setting.api.spent_eur == pytest.approx(0.02)
    setting.world.clock.move_to(NOW + timedelta(days=1))
    assert tallies(await setting.read(cursor))


async def test_the_monthly_ceiling_holds_over_days(setting: Setting) -> None:
    setting.use(monthly_eur=0.01)
    _, cursor = await setting.until_failure(10)
    setting.world.clock.move_to(NOW + timedelta(days=2))
    error = await failure(setting.source, cursor)
    assert (error.state, error.reason) == (HealthState.PAUSED, "plafond mensuel de 0,01 € atteint")
    setting.world.clock.move_to(NOW + timedelta(days=31))
    assert tallies(await setting.read(cursor))


async def test_a_surge_never_spends_beyond_the_ceiling(setting: Setting) -> None:
    setting.use(daily_eur=0.30, posts_per_search=100)
    setting.world.surges.add("orange")
    for number in range(1, 500):
        setting.api.post(number, f"Orange en panne {number}", "2026-03-02T08:59:00Z")
    await setting.until_failure(10)
    assert setting.api.spent_eur <= 0.30


async def test_a_crash_after_paying_does_not_make_it_forget(setting: Setting) -> None:
    setting.use(daily_eur=0.02)
    cursor: str | None = None
    for _ in range(20):  # each run dies right after its first answer, before that is stored
        source = setting.make(daily_eur=0.02)
        readings = source.read(cursor)
        try:
            stored = await anext(readings)
            cursor = stored.cursor or cursor
            await anext(readings, None)
        except SourceError as error:
            assert error.state is HealthState.PAUSED  # noqa: PT017 - some runs end so, some not
        finally:
            await source.close()
    assert setting.api.spent_eur <= 0.02 + 1e-9


@pytest.mark.parametrize(
    ("status", "state", "retryable", "retry_after"),
    [
        (400, HealthState.FAILING, True, None),
        (401, HealthState.FAILING, False, None),
        (402, HealthState.PAUSED, True, 3600.0),
        (403, HealthState.FAILING, True, 3600.0),
        (404, HealthState.FAILING, True, None),
        (429, HealthState.FAILING, True, 900.0),
        (500, HealthState.UNREACHABLE, True, None),
        (503, HealthState.UNREACHABLE, True, None),
    ],
)
@pytest.mark.parametrize("html", [False, True])
async def test_refusals(
    setting: Setting, status: int, state: HealthState, retryable: bool, retry_after: float | None, html: bool
) -> None:
    setting.api.fail_status, setting.api.fail_html = status, html
    error = await failure(setting.source)
    assert (error.state, error.retryable, error.retry_after) == (state, retryable, retry_after)
    assert f"HTTP {status}" in error.reason
    assert TOKEN not in f"{error} {error.reason}"


@pytest.mark.parametrize("count", [-1, 10**30])
async def test_a_count_that_cannot_be_is_unreadable(setting: Setting, count: int) -> None:
    setting.api.counted = count
    assert (await failure(setting.source)).state is HealthState.UNREADABLE


async def test_half_a_character_does_not_pass_into_what_is_stored(setting: Setting) -> None:
    setting.use(calm_search_daily_eur=0.5)
    setting.api.post(1, "panne orange \ud83d", "2026-03-02T08:00:00.000Z")
    assert [mention.text for mention in mentions(await setting.read())] == ["panne orange ?"]


@pytest.mark.parametrize(
    ("status", "problem", "state", "reason"),
    [
        (
            402,
            {"title": "CreditsDepleted", "type": "https://api.twitter.com/2/problems/credits"},
            HealthState.PAUSED,
            "plus de crédit chez X (HTTP 402)",
        ),
        (
            403,
            {"title": "SpendCapReached", "type": "https://api.twitter.com/2/problems/credits"},
            HealthState.PAUSED,
            "plafond atteint chez X (HTTP 403)",
        ),
        (
            403,
            {"reason": "client-not-enrolled", "type": "https://api.twitter.com/2/problems/client-forbidden"},
            HealthState.FAILING,
            "accès refusé : l’application n’est pas inscrite à l’API, ou son accès ne suffit pas (HTTP 403)",
        ),
        (
            429,
            {"title": "UsageCapExceeded", "type": "https://api.twitter.com/2/problems/usage-capped"},
            HealthState.PAUSED,
            "plafond atteint chez X (HTTP 429)",
        ),
        (
            429,
            {"title": "Too Many Requests", "type": "https://api.twitter.com/2/problems/rate-limit-exceeded"},
            HealthState.FAILING,
            "trop de requêtes (HTTP 429)",
        ),
    ],
)
async def test_what_costs_money_pauses_and_what_lacks_access_fails(
    setting: Setting, status: int, problem: dict[str, str], state: HealthState, reason: str
) -> None:
    setting.api.fail_status, setting.api.fail_problem = status, problem
    setting.api.fail_headers = {"x-rate-limit-remaining": "299"}
    error = await failure(setting.source)
    assert (error.state, error.reason) == (state, reason)


async def test_what_x_says_of_a_wrong_query_is_told(setting: Setting) -> None:
    setting.api.fail_status = 400
    setting.api.fail_problem = {"errors": [{"message": "credit: missing EOF at ')'" + "." * 900}], "title": "Invalid"}
    error = await failure(setting.source)
    assert error.state is HealthState.FAILING
    assert error.reason.startswith("requête refusée par X (HTTP 400) : credit: missing EOF at ')'")
    assert len(error.reason) < 300


async def test_an_answer_of_errors_only_is_no_count_of_zero(setting: Setting) -> None:
    setting.api.fail_status, setting.api.fail_problem = 200, {"errors": [{"title": "Service Unavailable"}]}
    error = await failure(setting.source)
    assert (error.state, error.reason) == (HealthState.UNREADABLE, "X répond par des erreurs seulement")


async def test_a_post_is_read_as_it_was_written(setting: Setting) -> None:
    setting.world.surges.add("orange")
    setting.api.post(20, "Orange & Sosh <HS> &amp;", "2026-03-02T08:58:00Z")
    assert [mention.text for mention in mentions(await setting.read())] == ["Orange & Sosh <HS> &amp;"]


async def test_a_rate_limit_says_how_long_to_wait(setting: Setting) -> None:
    setting.api.fail_status = 429
    date = "Mon, 02 Mar 2026 09:00:00 GMT"
    setting.api.fail_headers = {"x-rate-limit-reset": str(int(NOW.timestamp()) + 77), "Date": date}
    assert (await failure(setting.source)).retry_after == 77.0
    setting.api.fail_headers = {"Retry-After": "12"}
    assert (await failure(setting.source)).retry_after == 12.0


async def test_a_failure_costs_nothing_when_nothing_was_charged(setting: Setting) -> None:
    setting.use(daily_eur=0.02)
    setting.api.fail_status = 403
    _, cursor = await setting.until_failure(1)
    for _ in range(10):
        await failure(setting.source, cursor)
    setting.api.fail_status = None
    assert tallies(await setting.read(cursor))


async def test_what_was_read_before_a_failure_is_handed_over(setting: Setting) -> None:
    setting.world.surges.add("orange")
    setting.api.post(20, "Orange en panne", "2026-03-02T08:58:00Z")
    setting.use(queries={"orange": "orange"})
    setting.api.fail_path = "/2/tweets/counts/recent"
    setting.api.fail_status = 503
    readings = setting.source.read(None)
    assert [(await anext(readings)).events, [mention.id for mention in mentions(await anext(readings))]] == [(), ["20"]]
    with pytest.raises(SourceError, match="HTTP 503"):
        await anext(readings)


async def test_a_wrong_query_of_one_operator_does_not_silence_the_others(setting: Setting) -> None:
    setting.use(queries={"orange": "wrong"}, operators=["orange", "sfr"])
    setting.api.fail_query, setting.api.fail_status = "wrong", 400
    found: list[Any] = []
    error, _ = await setting.until_failure(1, found)
    assert error.reason == "requête refusée par X (HTTP 400) : emulated failure"
    assert {tally.operator for tally in found} == {"sfr"}


async def test_requests_that_time_out_are_counted_as_charged(setting: Setting) -> None:
    setting.use(daily_eur=0.02, endpoint="http://127.0.0.1:9")
    cursor = None
    reasons = []
    for _ in range(6):
        error, cursor = await setting.until_failure(1, cursor=cursor)
        reasons.append(error.state)
    assert reasons == [HealthState.UNREACHABLE] * 4 + [HealthState.PAUSED] * 2


async def test_the_token_is_not_logged_even_when_debugging(setting: Setting, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    await setting.read()
    assert TOKEN not in caplog.text


async def test_nobody_there_is_unreachable(setting: Setting) -> None:
    setting.use(endpoint="http://127.0.0.1:9")
    assert (await failure(setting.source)).state is HealthState.UNREACHABLE


async def test_a_wrong_token_is_told(setting: Setting) -> None:
    setting.use(bearer_token="wrong")
    error = await failure(setting.source)
    assert (error.state, error.reason) == (HealthState.FAILING, "jeton refusé (HTTP 401)")


async def test_a_check_pays_nothing(setting: Setting) -> None:
    assert await setting.source.check() == "jeton accepté, 120 messages lus sur 2000000"
    assert setting.api.spent_eur == 0
    assert [path for path, _ in setting.api.calls] == ["/2/usage/tweets"]


async def test_a_cursor_of_another_version_is_none(setting: Setting) -> None:
    assert tallies(await setting.read('{"ledger": 3}'))


def test_it_says_what_it_is() -> None:
    settings = Settings(kind="x", bearer_token=SecretStr("t"), operators=("orange",))
    assert "SecretStr('**" in repr(settings)
    source = create(settings, SourceWorld().deps)
    assert (source.kind, source.operator, source.hears) == ("x", None, True)


def test_settings_that_cannot_work_are_refused() -> None:
    values: dict[str, Any] = {"kind": "x", "name": "my-x", "bearer_token": "t", "operators": ["nobody"]}
    with pytest.raises(ConfigError, match="my-x: operators: nobody"):
        create(Settings.model_validate(values), SourceWorld().deps)
    values |= {"operators": ["orange"], "queries": {"orange": "x" * 513}}
    with pytest.raises(ConfigError, match=r"queries\.orange: must be at most 512"):
        create(Settings.model_validate(values), SourceWorld().deps)


def test_a_query_is_made_of_names_and_words_of_outages() -> None:
    query = default_query(ORANGE)
    assert query.startswith("(orange OR sosh) (panne OR")
    assert query.endswith(" lang:fr -is:retweet")
    many = Operator("m", "Multi Nom", (Service.WEB,), aliases=tuple(f"alias numero {n}" for n in range(99)))
    assert '("Multi Nom" OR "alias numero 0"' in default_query(many)
    assert len(default_query(many)) <= 512


def test_a_ledger_begins_anew_each_day_and_month() -> None:
    ledger = Ledger().at(NOW).plus(1.0).plus(0.5, calm=True)
    assert (ledger.day_eur, ledger.month_eur, ledger.calm_eur) == (1.5, 1.5, 0.5)
    assert ledger.at(NOW + timedelta(hours=1)) == ledger
    assert ledger.at(NOW + timedelta(days=1)) == Ledger("2026-03-03", 0.0, 1.5, 0.0)
    assert ledger.at(NOW + timedelta(days=31)) == Ledger("2026-04-02")
    assert ledger.left(2.0, 30.0) == 0.5
    assert ledger.left(2.0, 1.0) == 0.0
