"""What people tell the newsroom itself: counted at once, once a person, answered with care, and taken back whole."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.clock import ManualClock
from bot.config import load
from bot.domain.incidents import Action, Decision, Draft, DraftState, IncidentState
from bot.domain.operators import Service
from bot.domain.signals import EntryState, Mention, StatusEntry
from bot.flow.newsroom import Outlets
from bot.ports import Call, OutcomeKind, ReaderAnswer, ReaderMessage, Reception, Store, TakingBack, Welcome
from bot.storage.memory import MemoryStore
from bot.storage.sql import SqlStore
from bot.wiring import Core, build_core
from tests.flows.timetable import french

EIGHT = datetime(2024, 3, 12, 7, tzinfo=UTC)
TERMS = Welcome("readers", hourly=5, daily=5000, keep_days=30)
LONG_AGO = EIGHT - timedelta(days=30)


@dataclass
class Room:
    """A newsroom at eight o'clock, and its time."""

    core: Core
    clock: ManualClock
    store: Store
    lines: list[Draft] = field(default_factory=list)
    asked: int = 0

    async def at(self, minutes: float) -> None:
        """Let time pass to so many minutes after eight, and close the buckets."""
        self.clock.move_to(EIGHT + timedelta(minutes=minutes))
        await self.core.newsroom.advance()

    async def reader(self, text: str, person: str | None = None, key: str | None = None) -> ReaderAnswer | None:
        self.asked += 1
        now = self.clock.now()
        message = ReaderMessage(key or f"m{self.asked}", person or f"p{self.asked}", text, now, now, "telegram")
        return await self.core.desk.hear(message)

    async def call(self, key: str, service: Service = Service.MAIL) -> None:
        logged = await self.core.desk.log_call(Call(key, "Camille", "orange", service, "Lille", self.clock.now()))
        assert not isinstance(logged, str)

    async def posts(self, count: int, source: str = "bluesky", text: str = "plus de mail orange à Metz") -> None:
        now = self.clock.now()
        for index in range(count):
            name = f"{source}-{now:%H%M}-{index}"
            await self.core.newsroom.take([Mention(source, name, name, text, now, now)])

    def state(self) -> IncidentState:
        return self.draft.incident.state

    @property
    def draft(self) -> Draft:
        draft = self.core.newsroom.cases.episodes["orange"].draft
        assert draft is not None
        return draft

    def counted(self, minutes: float = 0) -> int:
        bucket = int((EIGHT + timedelta(minutes=minutes)).timestamp()) // 60
        return self.core.newsroom.watch.counts.at(("orange", "mail"), bucket)


@asynccontextmanager
async def newsroom(store: Store | None = None, at: float = 0, *, terms: Welcome | None = TERMS) -> AsyncIterator[Room]:
    store = store or MemoryStore()
    clock = ManualClock(EIGHT + timedelta(minutes=at))
    lines: list[Draft] = []
    core = build_core(
        load(None, {}),
        store=store,
        clock=clock,
        classifier=french(),
        outlets=Outlets(rooms=("telegram",), on_line=lines.append),
        author_key=b"tests",
        sources=[("bluesky", "bluesky", True), ("readers", "readers", True)],
    )
    await store.open()
    await core.newsroom.wake()
    if terms:
        core.desk.open_to_readers(terms)
    await core.newsroom.advance()
    yield Room(core, clock, store, lines)
    await store.close()


# --- readers


async def test_a_reader_is_counted_at_once_and_told_what_was_understood() -> None:
    async with newsroom() as room:
        answer = await room.reader("plus de mails orange à Lille")
        assert room.counted() == 1
    assert answer is not None
    assert answer.kind is Reception.COUNTED
    assert (answer.operator, answer.services, [place.name for place in answer.places]) == (
        "Orange",
        (Service.MAIL,),
        ["Lille"],
    )
    assert (answer.others, answer.since, answer.published) == (0, None, None)


async def test_the_next_one_is_told_of_the_others_who_said_the_same() -> None:
    async with newsroom() as room:
        await room.reader("plus de mails orange à Lille")
        await room.at(3)
        await room.call("c1")
        await room.posts(2)
        await room.reader("sfr mobile ne marche pas")
        await room.reader("la télé orange ne marche plus à Lille")
        answer = await room.reader("orange : messagerie HS à Dax")
    assert answer is not None
    assert (answer.others, answer.since) == (4, EIGHT)


async def test_ten_thousand_messages_of_one_person_count_once_and_are_answered_a_few_times() -> None:
    async with newsroom() as room:
        answers = [await room.reader("plus de mails orange à Lille", "one") for _ in range(10_000)]
        given = [answer.kind for answer in answers if answer]
        assert given == [Reception.COUNTED] + [Reception.AGAIN] * 4
        assert len(await room.store.reports(LONG_AGO)) == room.counted() == 1


async def test_at_once_they_count_once_too() -> None:
    async with newsroom() as room:
        answers = await asyncio.gather(*(room.reader("plus de mails orange à Lille", "one") for _ in range(5)))
        assert sorted(answer.kind for answer in answers if answer) == ["again"] * 4 + ["counted"]
        assert len(await room.store.reports(LONG_AGO)) == 1


async def test_without_an_episode_a_person_counts_once_a_day() -> None:
    kinds = []
    async with newsroom() as room:
        for hour in (0, 0, 23, 25):
            await room.at(60 * hour)
            answer = await room.reader("plus de mails orange à Lille", "one")
            kinds.append(answer and answer.kind)
    assert kinds == [Reception.COUNTED, Reception.AGAIN, Reception.AGAIN, Reception.COUNTED]


async def test_an_episode_counts_who_reported_something_before_it() -> None:
    async with newsroom() as room:
        await room.reader("plus de mails orange à Lille", "one")
        await room.at(300)
        await room.posts(8)
        await room.at(303)
        again = await room.reader("plus de mails orange à Lille", "one")
        assert again is not None
        assert (again.kind, again.others) == (Reception.COUNTED, 8)
        await room.at(305)
        assert room.core.newsroom.cases.episodes["orange"].incident.surge.reports == 9


async def test_a_day_has_so_many_messages_and_no_more() -> None:
    async with newsroom(terms=replace(TERMS, daily=10)) as room:
        answers = [await room.reader("plus de mails orange à Lille") for _ in range(50)]
        assert sum(answer is not None for answer in answers) == 10
        await room.at(24 * 60)
        assert await room.reader("plus de mails orange à Lille") is not None


async def test_nothing_is_kept_that_tells_who_and_nothing_that_is_of_no_use() -> None:
    async with newsroom() as room:
        await room.reader(
            "plus de mails orange à Lille, appelez-moi au 06 12 34 56 78", "telegram:4242", "telegram:4242:7"
        )
        await room.reader("Bonjour, je voudrais parler à Camille", "telegram:4243", "telegram:4243:1")
        (mention,) = await room.store.mentions(LONG_AGO)
        (report,) = await room.store.reports(LONG_AGO)
    assert "4242" not in repr(mention) + repr(report)
    assert "06 12" not in mention.text
    assert mention.author == report.author


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("bonjour", Reception.UNCLEAR),
        ("", Reception.UNCLEAR),
        ("ça ne marche pas", Reception.UNCLEAR),
        ("plus de mails orange depuis trois semaines à Lille", Reception.OLD),
        ("c'est revenu, les mails orange remarchent", Reception.RECOVERY),
        ("c'est revenu", Reception.RECOVERY),
    ],
)
async def test_what_is_no_report_counts_nowhere(text: str, kind: Reception) -> None:
    async with newsroom() as room:
        answer = await room.reader(text)
        assert answer is not None
        assert answer.kind is kind
        assert await room.store.reports(LONG_AGO) == []


async def test_who_writes_of_the_current_need_not_name_who_brings_it() -> None:
    async with newsroom() as room:
        answer = await room.reader("plus de courant à Mâcon")
        assert answer is not None
        assert (answer.kind, answer.operator) == (Reception.COUNTED, "Enedis")
        (report,) = await room.store.reports(LONG_AGO)
    assert report.operator == "enedis"


async def test_nobody_is_heard_where_readers_are_not_welcome() -> None:
    async with newsroom(terms=None) as room:
        assert await room.reader("plus de mails orange à Lille") is None
        assert room.core.desk.welcome("telegram") is None
    async with newsroom(terms=replace(TERMS, through=("discord",))) as room:
        assert await room.reader("plus de mails orange à Lille") is None
        assert room.core.desk.welcome("discord") is not None
        assert await room.store.mentions(LONG_AGO) == []


async def test_a_message_written_while_the_bot_was_down_counts_in_its_own_minute() -> None:
    async with newsroom() as room:
        await room.at(40)
        now = room.clock.now()
        sent = ReaderMessage("m", "p", "plus de mails orange à Lille", now, EIGHT + timedelta(minutes=5), "telegram")
        await room.core.desk.hear(sent)
        assert room.counted(5) == 1
        wrong = replace(sent, key="m2", person="p2", written_at=now + timedelta(days=400))
        await room.core.desk.hear(wrong)
        assert room.counted(40) == 1


async def test_readers_and_posts_are_two_kinds_of_source_and_confirm() -> None:
    async with newsroom() as room:
        await room.at(1)
        await room.posts(8)
        await room.at(3)
        assert room.state() is IncidentState.SUSPECTED
        await room.reader("plus de mails orange à Lille")
        await room.reader("orange : messagerie HS à Dax")
        await room.at(5)
        assert room.state() is IncidentState.CONFIRMED
        assert dict(room.draft.incident.surge.by_source) == {"bluesky": 8, "readers": 2}


async def test_one_is_told_of_what_is_public_and_of_no_draft() -> None:
    async with newsroom() as room:
        await room.at(1)
        await room.posts(8)
        await room.at(3)
        assert room.draft.state is DraftState.PROPOSED
        before = await room.reader("plus de mails orange à Lille")
        edited = Decision("Camille", Action.EDIT, room.clock.now(), room.draft.incident.id, "Panne de mails.")
        for decision in (edited, Decision("Camille", Action.APPROVE, room.clock.now(), room.draft.incident.id)):
            assert (await room.core.desk.decide(decision)).kind is OutcomeKind.DONE
        title = room.draft.title
        entry = StatusEntry(
            "orange-etat",
            "orange",
            "e1",
            "Incident messagerie",
            EntryState.IDENTIFIED,
            room.clock.now(),
            room.clock.now(),
        )
        await room.core.newsroom.take([entry])
        await room.at(20)
        after = await room.reader("orange : messagerie HS à Dax")
    assert before is not None
    assert after is not None
    assert (before.published, before.statement, before.others) == (None, None, 8)
    assert (after.published, after.others) == (title, 9)
    assert after.statement is not None
    assert after.statement.title == "Incident messagerie"


async def test_a_reader_takes_a_report_back_and_nobody_else_does() -> None:
    async with newsroom() as room:
        await room.reader("plus de mails orange à Lille", "one", "k1")
        desk = room.core.desk
        assert await desk.take_back("k1", "another") is TakingBack.UNKNOWN
        assert room.counted() == 1
        assert await desk.take_back("k1", "one") is TakingBack.DONE
        assert await desk.take_back("k1", "one") is TakingBack.ALREADY
        assert await desk.take_back("k2", "one") is TakingBack.UNKNOWN
        assert room.counted() == 0
        assert [*await room.store.reports(LONG_AGO), *await room.store.mentions(LONG_AGO)] == []
        again = await room.reader("plus de mails orange à Lille", "one", "k3")
        assert again is not None
        assert again.kind is Reception.COUNTED


# --- logged calls


@pytest.mark.parametrize(("hours", "counts_at"), [(3, -180), (30, 0), (-2, 0)])
async def test_a_call_logged_while_we_were_down_counts_when_it_was_typed(hours: int, counts_at: int) -> None:
    async with newsroom() as room:
        typed = EIGHT - timedelta(hours=hours)
        call = Call("c1", "Camille", "orange", Service.MAIL, "Lille", EIGHT, written_at=typed)
        assert not isinstance(await room.core.desk.log_call(call), str)
        [report] = await room.store.reports(LONG_AGO)
        assert (report.at, report.seen_at) == (EIGHT + timedelta(minutes=counts_at), EIGHT)
        assert await room.core.desk.undo_call("c1", "Camille") is TakingBack.DONE


async def test_a_message_that_the_chat_repeats_is_answered_as_the_first_time_and_counts_once() -> None:
    async with newsroom() as room:
        first = await room.reader("plus de mails orange à Lille", "one", "k1")
        again = await room.reader("plus de mails orange à Lille", "one", "k1")  # we were killed before we answered
        other = await room.reader("plus de mails orange à Lille", "one", "k2")
        assert (len(await room.store.reports(LONG_AGO)), room.counted()) == (1, 1)
    assert first is not None
    assert again == first
    assert other is not None
    assert other.kind is Reception.AGAIN


async def test_a_message_is_set_right_as_long_as_nothing_of_it_is_counted() -> None:
    async with newsroom() as room:
        now = room.clock.now()
        said = ReaderMessage("k1", "one", "plus de mails à Lille", now, now, "telegram")
        texts = ("plus de mails orange à Lille", "plus de mails sfr à Lille", "bonjour")
        messages = [said, *(replace(said, text=text, edited=True) for text in texts)]
        answers = [await room.core.desk.hear(message) for message in messages]
        reports = await room.store.reports(LONG_AGO)
    assert [answer and answer.kind for answer in answers] == [Reception.UNCLEAR, Reception.COUNTED, None, None]
    assert [report.operator for report in reports] == ["orange"]


async def test_what_is_deleted_where_it_was_written_leaves_its_text_and_stays_counted() -> None:
    async with newsroom() as room:
        await room.reader("plus de mails orange à Lille", key="k1")
        await room.core.desk.forget("k1")
        await room.core.desk.forget("never heard")
        assert list(await room.store.mentions(LONG_AGO)) == []
        assert (len(await room.store.reports(LONG_AGO)), room.counted()) == (1, 1)
    async with newsroom(terms=None) as room:
        await room.core.desk.forget("k1")


async def test_an_undone_call_is_gone_from_counts_store_and_evidence() -> None:
    async with newsroom() as room:
        await room.at(1)
        await room.posts(8)
        await room.at(3)
        await room.call("c1")
        await room.at(5)
        seen = room.draft
        assert seen.incident.state is IncidentState.CONFIRMED
        assert seen.incident.surge.reports == 9
        assert await room.core.desk.undo_call("c1", "Sacha") is TakingBack.DONE
        assert await room.core.desk.undo_call("c1", "Sacha") is TakingBack.ALREADY
        now = room.draft
        assert now.incident.surge.reports == 8
        assert "desk_log" not in dict(now.incident.surge.by_source)
        assert {item.source for item in now.incident.evidence} == {"bluesky"}
        assert "Lille" not in {count.place.name for count in now.incident.places}
        assert room.counted(3) == 0
        # Nothing else bears it out: to go on saying "confirmed" would be untrue, and the desk is told.
        assert now.incident.state is IncidentState.SUSPECTED
        assert "n’est plus confirmée" in (now.notice or "")
        assert "seraient" in now.text or "serait" in now.text
        # Who saw the old figures is asked again.
        approve = Decision("Camille", Action.APPROVE, room.clock.now(), now.incident.id, revision=seen.revision)
        assert (await room.core.desk.decide(approve)).kind is OutcomeKind.CHANGED


async def test_who_saw_the_figures_before_a_call_was_undone_is_asked_again() -> None:
    async with newsroom() as room:
        await room.at(1)
        await room.posts(8)
        await room.at(3)
        await room.call("c1")
        await room.call("c2")
        await room.at(5)
        seen = room.draft
        await room.core.desk.undo_call("c1", "Sacha")
        assert room.state() is seen.incident.state is IncidentState.CONFIRMED  # by the other call
        approve = Decision("Camille", Action.APPROVE, room.clock.now(), seen.incident.id, revision=seen.revision)
        asked = await room.core.desk.decide(approve)
        assert asked.kind is OutcomeKind.CHANGED
        assert asked.draft is not None
        again = replace(approve, revision=asked.draft.revision)
        assert (await room.core.desk.decide(again)).kind is OutcomeKind.DONE


async def test_an_editors_word_stands_when_the_call_behind_it_goes() -> None:
    async with newsroom() as room:
        await room.at(1)
        await room.posts(8)
        await room.at(3)
        await room.call("c1")
        await room.at(5)
        approve = Decision("Camille", Action.APPROVE, room.clock.now(), room.draft.incident.id)
        assert (await room.core.desk.decide(approve)).kind is OutcomeKind.DONE
        await room.core.desk.undo_call("c1", "Sacha")
        assert room.state() is IncidentState.CONFIRMED
        assert room.draft.state is DraftState.PUBLISHED
        assert room.draft.incident.surge.reports == 8


async def test_with_its_last_call_a_suspicion_is_dismissed_by_who_undid_it() -> None:
    async with newsroom() as room:
        await room.at(1)
        for index in range(8):
            await room.call(f"c{index}")
        await room.at(3)
        assert room.draft.incident.surge.reports == 8
        for index in range(8):
            assert await room.core.desk.undo_call(f"c{index}", "Sacha") is TakingBack.DONE
        assert (room.draft.state, room.draft.decided_by) == (DraftState.DISMISSED, "Sacha")
        assert room.draft.incident.surge.reports == 0
        await room.at(20)
        assert room.state() is IncidentState.DISMISSED


async def test_after_an_hour_it_is_too_late() -> None:
    async with newsroom() as room:
        await room.call("c1")
        await room.at(60)
        await room.call("c2")
        await room.at(61)
        assert await room.core.desk.undo_call("c1", "Camille") is TakingBack.LATE
        assert await room.core.desk.undo_call("c2", "Camille") is TakingBack.DONE
        assert await room.core.desk.undo_call("c3", "Camille") is TakingBack.UNKNOWN
        assert [report.id for report in await room.store.reports(LONG_AGO)] == ["c1"]


async def test_a_restart_remembers_what_was_undone(tmp_path: Path) -> None:
    path = tmp_path / "vigie.db"
    async with newsroom(SqlStore(path)) as room:
        await room.at(1)
        await room.posts(8)
        await room.call("c1")
        await room.call("c2")
        await room.at(6)
        assert room.draft.incident.surge.reports == 10
        await room.core.desk.undo_call("c1", "Camille")
    async with newsroom(SqlStore(path), at=6) as room:  # killed: it had no time to rest
        assert await room.core.desk.undo_call("c1", "Camille") is TakingBack.ALREADY
        await room.call("c1")  # the command, delivered again
        assert room.counted(1) == 9
        minute = int(EIGHT.timestamp()) // 60 + 1
        assert room.core.newsroom.watch._detectors["orange", "mail"].span(minute, minute)[0] == 9
        assert await room.core.desk.undo_call("c2", "Camille") is TakingBack.DONE  # before any bucket was closed
        assert room.draft.incident.surge.reports == 8
        assert room.state() is IncidentState.SUSPECTED
        await room.at(12)
        assert room.draft.incident.surge.reports == 8
        assert len(await room.store.reports(LONG_AGO)) == 8


async def test_an_unknown_place_is_refused_in_one_clear_sentence() -> None:
    async with newsroom() as room:
        call = Call("c1", "Camille", "orange", Service.MAIL, "Atlantide", room.clock.now())
        refusal = await room.core.desk.log_call(call)
        unknown = await room.core.desk.log_call(replace(call, operator="xyz"))
    assert (
        refusal == "Lieu inconnu\u00a0: «\u00a0Atlantide\u00a0». Donnez une commune, un code postal ou un département."
    )
    assert isinstance(unknown, str)
    assert unknown.startswith("Opérateur inconnu")
    assert "SFR" in unknown
