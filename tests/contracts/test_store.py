"""What every store promises: a test a sentence of the port."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.domain.deliveries import DeliveryKind, DeliveryState
from bot.domain.incidents import IncidentState
from bot.domain.signals import Deletion, EntryState, HealthState
from bot.ports import Changes, Heard, Store
from bot.storage.memory import MemoryStore
from bot.storage.sql import SqlStore
from bot.storage.values import signal_key
from tests.unit.storage.samples import (
    EIGHT,
    at,
    decision,
    delivery,
    draft,
    entry,
    health,
    incident,
    mention,
    report,
    tally,
)

LONG_AGO = EIGHT - timedelta(days=3650)


@dataclass
class Room:
    """A store, and how to leave it and come back."""

    store: Store
    again: Callable[[], Store]

    async def restart(self) -> Store:
        await self.store.close()
        self.store = self.again()
        await self.store.open()
        return self.store


@pytest.fixture(params=["memory", "sqlite"])
async def room(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Room]:
    if request.param == "memory":
        memory = MemoryStore()
        room = Room(memory, lambda: memory)
    else:
        path = tmp_path / "var" / "vigie.db"
        room = Room(SqlStore(path), lambda: SqlStore(path))
    await room.store.open()
    yield room
    await room.store.close()


@pytest.fixture
def store(room: Room) -> Store:
    return room.store


# --- apply -------------------------------------------------------------------------------------------------------


def everything() -> Changes:
    return Changes(
        signals=(mention(), Heard(entry(), "first words"), Heard(tally(), "7")),
        reports=(report(), report(operator="sfr")),
        health=(health(0), health(1), health(2, HealthState.UNREACHABLE, reason="timeout")),
        cursors={"bluesky": "42"},
        incidents=(incident(),),
        drafts=(draft(1), draft(2)),
        decisions=(decision(), decision(None)),
        deliveries=tuple(delivery(kind.value, kind=kind) for kind in DeliveryKind),
        snapshot=b"\x00detectors",
    )


async def seen(store: Store) -> tuple[object, ...]:
    """All that a store tells."""
    return (
        await store.load(LONG_AGO),
        await store.known([("bluesky", "m1"), ("status:orange", "e1"), signal_key(tally())]),
        await store.decided("telegram:1"),
        await store.reports(LONG_AGO),
        await store.entries("orange", LONG_AGO),
        await store.tallies(LONG_AGO),
        await store.checks(LONG_AGO),
        await store.decisions(LONG_AGO),
        await store.draft(1),
        await store.undelivered(),
        await store.card("telegram", "orange-1"),
    )


async def test_every_value_comes_back_as_it_was(store: Store) -> None:
    changes = everything()
    await store.apply(changes)
    loaded = await store.load(LONG_AGO)
    assert loaded.snapshot == changes.snapshot
    assert loaded.cursors == changes.cursors
    assert loaded.drafts == (changes.drafts[1],)
    assert loaded.health == (changes.health[2],)
    assert loaded.numbers == 1
    assert tuple(await store.reports(LONG_AGO)) == changes.reports
    assert [*await store.entries("orange", LONG_AGO)] == [entry()]
    assert [*await store.tallies(LONG_AGO)] == [tally()]
    assert {*await store.decisions(LONG_AGO)} == {*changes.decisions}
    assert tuple(await store.checks(LONG_AGO)) == changes.health
    assert tuple(await store.undelivered()) == changes.deliveries
    for sent in changes.deliveries:
        assert await store.delivery(sent.id) == sent


async def test_a_restart_forgets_nothing(room: Room) -> None:
    await room.store.apply(everything())
    before = await seen(room.store)
    assert await seen(await room.restart()) == before


async def test_changes_applied_again_have_no_second_effect(store: Store) -> None:
    await store.apply(everything())
    before = await seen(store)
    await store.apply(everything())
    assert await seen(store) == before


async def test_what_was_taken_back_is_gone_but_known(room: Room) -> None:
    store = room.store
    kept, taken = mention("m2"), mention()
    await store.apply(Changes(signals=(taken, kept), reports=(report(), report(operator="sfr"), report("m2"))))
    assert tuple(await store.reports_of("bluesky", "m1")) == (report(), report(operator="sfr"))
    for _ in range(2):  # idempotent
        await store.apply(Changes(retracted=(("bluesky", "m1"), ("x", "m2"))))
        assert tuple(await store.reports_of("bluesky", "m1")) == ()
        assert tuple(await store.reports(LONG_AGO)) == (report("m2"),)
        assert tuple(await store.mentions(LONG_AGO)) == (kept.signal,)
    store = await room.restart()
    assert set(await store.known([("bluesky", "m1"), ("bluesky", "m3")])) == {("bluesky", "m1")}
    await store.apply(Changes(signals=(taken,)))  # handed over once more: it stays taken back
    assert tuple(await store.mentions(LONG_AGO)) == (kept.signal,)


async def test_a_report_made_and_taken_back_in_one_step_is_gone(store: Store) -> None:
    await store.apply(Changes(signals=(mention(),), reports=(report(),), retracted=(("bluesky", "m1"),)))
    assert [*await store.reports(LONG_AGO), *await store.mentions(LONG_AGO)] == []


async def test_no_changes_change_nothing(store: Store) -> None:
    await store.apply(Changes())
    loaded = await store.load(LONG_AGO)
    assert (loaded.snapshot, loaded.cursors, loaded.drafts, loaded.health, loaded.numbers) == (None, {}, (), (), 0)


async def test_changes_without_a_snapshot_leave_the_stored_one(store: Store) -> None:
    await store.apply(Changes(snapshot=b"one"))
    await store.apply(Changes(cursors={"bluesky": "1"}))
    assert (await store.load(EIGHT)).snapshot == b"one"
    await store.apply(Changes(snapshot=b"two"))
    assert (await store.load(EIGHT)).snapshot == b"two"


# --- signals and reports -----------------------------------------------------------------------------------------


async def test_a_mention_is_stored_once_and_a_repeat_ignored(store: Store) -> None:
    await store.apply(Changes(signals=(mention(),)))
    await store.apply(Changes(signals=(replace(mention(), digest="edited"),)))
    assert await store.known([("bluesky", "m1")]) == {("bluesky", "m1"): "digest of m1"}


async def test_the_same_id_of_another_source_is_another_signal(store: Store) -> None:
    await store.apply(Changes(signals=(mention(), mention(source="x"))))
    assert len(await store.known([("bluesky", "m1"), ("x", "m1"), ("lecteurs", "m1")])) == 2


async def test_known_answers_for_thousands_of_keys_and_for_none(store: Store) -> None:
    await store.apply(Changes(signals=tuple(mention(f"m{n}") for n in range(0, 3000, 2))))
    known = await store.known([("bluesky", f"m{n}") for n in range(3000)])
    assert set(known) == {("bluesky", f"m{n}") for n in range(0, 3000, 2)}
    assert await store.known([]) == {}


async def test_an_entry_with_a_new_digest_replaces_the_old_one(store: Store) -> None:
    await store.apply(Changes(signals=(Heard(entry(), "one"),)))
    await store.apply(Changes(signals=(Heard(entry(title="same digest, so a repeat"), "one"),)))
    assert [e.title for e in await store.entries("orange", EIGHT)] == ["Incident messagerie"]
    await store.apply(Changes(signals=(Heard(entry(title="Rétabli", minutes=30), "two"),)))
    assert [e.title for e in await store.entries("orange", EIGHT)] == ["Rétabli"]
    assert await store.known([("status:orange", "e1")]) == {("status:orange", "e1"): "two"}


async def test_entries_are_the_operators_own_since_a_time_oldest_first(store: Store) -> None:
    entries = [entry("late", minutes=9), entry("early", minutes=1), entry("on time", minutes=5)]
    await store.apply(Changes(signals=tuple(Heard(e, e.id) for e in [*entries, entry("other", operator="sfr")])))
    assert [e.id for e in await store.entries("orange", at(1))] == ["early", "on time", "late"]
    assert [e.id for e in await store.entries("orange", at(5))] == ["on time", "late"]
    assert [*await store.entries("free", EIGHT)] == []


async def test_tallies_come_since_a_time_oldest_first_and_each_interval_once(store: Store) -> None:
    tallies = [tally(30), tally(0), tally(15), tally(15, operator="sfr"), tally(15, count=99)]  # all of one digest
    await store.apply(Changes(signals=tuple(Heard(t, "") for t in tallies)))
    assert [(t.start, t.operator, t.count) for t in await store.tallies(at(15))] == [
        (at(15), "orange", 7),
        (at(15), "sfr", 7),
        (at(30), "orange", 7),
    ]


async def test_decisions_come_since_a_time_oldest_first_and_each_press_once(store: Store) -> None:
    presses = [replace(decision(f"telegram:{minute}"), at=at(minute)) for minute in (30, 0, 15)]
    await store.apply(Changes(decisions=(*presses, replace(presses[2], who="somebody else"))))
    assert [*await store.decisions(at(15))] == [presses[2], presses[0]]


async def test_a_count_that_was_put_right_replaces_the_first(store: Store) -> None:
    await store.apply(Changes(signals=(Heard(tally(count=7), "7"),)))
    await store.apply(Changes(signals=(Heard(tally(count=9), "9"),)))
    assert [t.count for t in await store.tallies(EIGHT)] == [9]


async def test_signals_of_different_kinds_never_replace_each_other(store: Store) -> None:
    await store.apply(Changes(signals=(mention("e1", source="status:orange"), Heard(entry(), "words"))))
    assert [*await store.entries("orange", EIGHT)] == []
    assert len(await store.mentions(EIGHT)) == 1


async def test_mentions_come_since_a_time_oldest_first_while_their_text_is_kept(store: Store) -> None:
    heard = [mention("late", minutes=9), mention("early", minutes=1), mention("on time", minutes=5)]
    await store.apply(Changes(signals=(*heard, Heard(entry(), "words"))))
    assert [m.id for m in await store.mentions(at(5))] == ["on time", "late"]
    assert [*await store.mentions(EIGHT)] == [heard[1].signal, heard[2].signal, heard[0].signal]
    assert await store.purge(at(5)) == 1
    assert [m.id for m in await store.mentions(EIGHT)] == ["on time", "late"]


async def test_reports_are_stored_once_in_order_of_time_source_and_id(store: Store) -> None:
    stored = [report("b", minutes=2), report("a", minutes=2), report("a", source="a", minutes=2), report("z")]
    await store.apply(Changes(reports=(*stored, report("z"))))
    await store.apply(Changes(reports=(replace(report("z"), author="somebody else"),)))
    found = await store.reports(LONG_AGO)
    assert [(r.at, r.source, r.id) for r in found] == sorted((r.at, r.source, r.id) for r in stored)
    assert found[0].author == "author of z"


async def test_reports_are_for_one_operator_or_for_all_and_since_a_time(store: Store) -> None:
    await store.apply(
        Changes(reports=(report("a"), report("a", operator="sfr"), report("b", minutes=1), report("c", minutes=2)))
    )
    assert [r.id for r in await store.reports(at(1))] == ["b", "c"]
    assert [r.id for r in await store.reports(EIGHT, "orange")] == ["a", "b", "c"]
    assert [(r.id, r.operator) for r in await store.reports(EIGHT)][:2] == [("a", "orange"), ("a", "sfr")]
    assert [*await store.reports(EIGHT, "free")] == []


async def test_duplicate_reports_are_included_and_marked(store: Store) -> None:
    await store.apply(Changes(reports=(report("a"), replace(report("b"), duplicate=True))))
    assert [r.duplicate for r in await store.reports(EIGHT)] == [False, True]


# --- health ------------------------------------------------------------------------------------------------------


async def test_checks_give_the_lines_since_a_time_and_the_last_one_before_it(store: Store) -> None:
    bad = health(3, HealthState.UNREACHABLE, reason="timeout")
    other = health(1, source="sfr-etat")
    await store.apply(Changes(health=(health(0), bad, other, health(5))))
    assert [*await store.checks(at(4))] == [other, bad, health(5)]
    assert [*await store.checks(at(3))] == [health(0), other, bad, health(5)]
    assert [*await store.checks(at(9))] == [other, health(5)]


async def test_lines_that_repeat_each_other_leave_their_first_and_their_last(store: Store) -> None:
    for minute in range(60):
        await store.apply(Changes(health=(health(minute),)))
    assert [*await store.checks(LONG_AGO)] == [health(0), health(59)]
    assert [*await store.checks(at(30))] == [health(0), health(59)]  # the first stands for those before
    assert [*await store.checks(at(60))] == [health(59)]
    assert (await store.load(EIGHT)).health == (health(59),)


async def test_a_reason_or_a_state_that_changes_is_never_folded(store: Store) -> None:
    told = (
        health(0, HealthState.FAILING, reason="502"),
        health(1, HealthState.FAILING, reason="503"),
        health(2, HealthState.UNREADABLE, reason="503"),
        health(3),
    )
    await store.apply(Changes(health=told))
    assert tuple(await store.checks(LONG_AGO)) == told


async def test_a_bad_check_that_arrives_late_still_breaks_the_proof_of_silence(store: Store) -> None:
    await store.apply(Changes(health=(health(0), health(10), health(20))))
    late = health(15, HealthState.UNREACHABLE, reason="timeout")
    await store.apply(Changes(health=(late, late)))
    assert late in await store.checks(EIGHT)
    assert (await store.load(EIGHT)).health == (health(20),)


# --- drafts and decisions ----------------------------------------------------------------------------------------


async def test_load_gives_the_latest_draft_of_what_is_open_or_ended_lately(store: Store) -> None:
    dismissed = incident(1, IncidentState.DISMISSED, ended_at=at(60))
    resolved = incident(2, IncidentState.RESOLVED, ended_at=at(120))
    easing = incident(3, IncidentState.EASING)
    confirmed = incident(4, IncidentState.CONFIRMED)
    suspected = incident(12)
    all_of_them = (suspected, confirmed, easing, resolved, dismissed)
    revisions = tuple(draft(revision, each) for each in all_of_them for revision in (2, 10, 1))
    await store.apply(Changes(incidents=all_of_them, drafts=revisions))
    loaded = await store.load(at(120))
    assert [(d.incident.number, d.revision) for d in loaded.drafts] == [(2, 10), (3, 10), (4, 10), (12, 10)]
    assert loaded.numbers == 12
    assert len((await store.load(at(60))).drafts) == 5
    assert (await store.load(at(121))).numbers == 12


async def test_an_incident_and_a_draft_replace_what_was_there(store: Store) -> None:
    await store.apply(Changes(incidents=(incident(),), drafts=(draft(),)))
    over = incident(1, IncidentState.RESOLVED, ended_at=at(99))
    await store.apply(Changes(incidents=(over,), drafts=(draft(1, over), draft(2, over))))
    assert (await store.load(at(100))).drafts == ()
    assert await store.draft(1) == draft(2, over)


async def test_a_draft_is_found_by_its_incidents_number(store: Store) -> None:
    seven = incident(7)
    await store.apply(Changes(drafts=(draft(9, seven), draft(10, seven), draft(1, incident(8)))))
    assert await store.draft(7) == draft(10, seven)
    assert await store.draft(9) is None


async def test_a_decision_is_known_by_its_key(store: Store) -> None:
    await store.apply(Changes(decisions=(decision("telegram:1"), decision(None))))
    assert await store.decided("telegram:1")
    assert not await store.decided("telegram:2")


# --- deliveries --------------------------------------------------------------------------------------------------


async def test_undelivered_is_what_is_pending_sending_or_unsure(store: Store) -> None:
    await store.apply(Changes(deliveries=tuple(delivery(state.value, state=state) for state in DeliveryState)))
    assert {d.id for d in await store.undelivered()} == {"pending", "sending", "unsure"}


async def test_undelivered_comes_oldest_first_and_then_as_written(store: Store) -> None:
    await store.apply(Changes(deliveries=(delivery("z", minutes=5), delivery("y", minutes=5))))
    await store.apply(Changes(deliveries=(delivery("x", minutes=5), delivery("w", minutes=4))))
    sending = delivery("z", minutes=5, state=DeliveryState.SENDING, attempts=1)
    await store.apply(Changes(deliveries=(sending,)))
    assert [d.id for d in await store.undelivered()] == ["w", "z", "y", "x"]


async def test_undelivered_to_one_destination(store: Store) -> None:
    await store.apply(Changes(deliveries=(delivery("a"), delivery("b", to="discord"))))
    assert [d.id for d in await store.undelivered("discord")] == ["b"]
    assert [*await store.undelivered("console")] == []


async def test_a_delivery_replaces_what_was_there(store: Store) -> None:
    await store.apply(Changes(deliveries=(delivery(),)))
    sent = delivery(
        state=DeliveryState.SENT, attempts=2, next_try_at=at(9), remote="-100:7", reply_to="-100:6", error="timeout"
    )
    await store.apply(Changes(deliveries=(sent,)))
    assert await store.delivery("d1") == sent
    assert await store.delivery("d2") is None
    assert [*await store.undelivered()] == []


async def test_the_card_is_the_newest_that_was_sent_to_that_room(store: Store) -> None:
    def sent(key: str, **more: object) -> Changes:
        return Changes(deliveries=(replace(delivery(key, state=DeliveryState.SENT), **more),))  # type: ignore[arg-type]

    await store.apply(sent("old", created_at=at(1)))
    await store.apply(sent("newer", created_at=at(5)))
    await store.apply(sent("newest", created_at=at(5)))
    await store.apply(sent("another room", to="discord", created_at=at(6)))
    await store.apply(sent("another incident", incident="sfr-1", created_at=at(6)))
    await store.apply(sent("an edit", kind=DeliveryKind.EDIT, created_at=at(6)))
    await store.apply(sent("not sent", state=DeliveryState.FAILED, created_at=at(6)))
    card = await store.card("telegram", "orange-1")
    assert card is not None
    assert card.id == "newest"
    assert await store.card("console", "orange-1") is None


# --- purge -------------------------------------------------------------------------------------------------------


async def test_purge_drops_links_and_keeps_counts(store: Store) -> None:
    await store.apply(
        Changes(
            signals=(mention("old", seen=0), mention("new", seen=1)),
            reports=(report("old"), report("new", minutes=1)),
        )
    )
    assert await store.purge(at(1)) == 2
    assert [m.id for m in await store.mentions(EIGHT)] == ["new"]
    assert {r.id: r.url for r in await store.reports(EIGHT)} == {"old": None, "new": "https://example.org/new"}
    assert set(await store.known([("bluesky", "old"), ("bluesky", "new")])) == {("bluesky", "old"), ("bluesky", "new")}
    assert await store.purge(at(1)) == 0


async def test_a_deletion_drops_text_and_links_and_keeps_counts(room: Room) -> None:
    gone, kept = Deletion("bluesky", "m1"), ("bluesky", "kept")
    await room.store.apply(
        Changes(
            signals=(mention(), mention("kept")),
            reports=(report(), report(operator="sfr"), report("kept")),
            incidents=(incident(),),
            drafts=(draft(1), draft(2)),
        )
    )
    await room.store.apply(Changes(deletions=(gone, Deletion("x", "kept"), Deletion("bluesky", "never seen"))))
    await room.store.apply(Changes(signals=(mention(),), reports=(report(),)))  # read again from an old cursor
    store = await room.restart()
    assert [m.id for m in await store.mentions(EIGHT)] == ["kept"]
    links = [(r.id, r.operator, r.url) for r in await store.reports(EIGHT)]
    assert links == [
        ("kept", "orange", "https://example.org/kept"),
        ("m1", "orange", None),
        ("m1", "sfr", None),
    ]
    latest = await store.draft(1)
    assert latest is not None
    assert [(e.id, e.url) for e in latest.incident.evidence] == [("m1", None), ("m2", None)]
    assert set(await store.known([("bluesky", "m1"), kept])) == {("bluesky", "m1"), kept}


async def test_the_mentions_of_an_account_are_found_by_what_their_ids_begin_with(store: Store) -> None:
    ids = ["at://did:plc:a/post/2", "at://did:plc:a/post/1", "at://did:plc:ab/post/1", "at://did:plc:A/post/1"]
    await store.apply(Changes(signals=(*map(mention, ids), Heard(entry("at://did:plc:a/entry"), "d"))))
    await store.apply(Changes(deletions=(Deletion("bluesky", ids[0]),)))
    assert list(await store.mentions_under("bluesky", "at://did:plc:a/")) == [ids[1]]
    assert list(await store.mentions_under("mastodon", "at://did:plc:a/")) == []


async def test_a_deletion_in_the_step_of_its_mention_wins(store: Store) -> None:
    await store.apply(
        Changes(
            signals=(mention(),),
            reports=(report(),),
            incidents=(incident(),),
            drafts=(draft(),),
            deletions=(Deletion("bluesky", "m1"),),
        )
    )
    assert list(await store.mentions(EIGHT)) == []
    assert [r.url for r in await store.reports(EIGHT)] == [None]
    latest = await store.draft(1)
    assert latest is not None
    assert {e.url for e in latest.incident.evidence} == {None}


async def test_purge_drops_the_links_of_old_evidence_in_drafts(store: Store) -> None:
    await store.apply(Changes(incidents=(incident(),), drafts=(draft(1), draft(2))))
    assert await store.purge(at(0)) == 0
    assert await store.purge(at(1)) == 3
    latest = await store.draft(1)
    assert latest is not None
    assert [e.url for e in latest.incident.evidence] == [None, None]
    assert [e.id for e in latest.incident.evidence] == ["m1", "m2"]


async def test_purge_drops_deliveries_that_are_done_with(store: Store) -> None:
    await store.apply(
        Changes(
            incidents=(incident(1, IncidentState.RESOLVED, ended_at=at(9)), incident(2)),
            deliveries=(
                *(delivery(state.value, state=state) for state in DeliveryState),
                delivery("to the room", state=DeliveryState.SENT, incident=None),
                delivery("recent", state=DeliveryState.SENT, incident=None, minutes=10),
                delivery("card of an open incident", state=DeliveryState.SENT, incident="orange-2"),
            ),
        )
    )
    await store.purge(at(10))
    left = [key for key in ("sent", "failed", "to the room") if await store.delivery(key)]
    assert left == []
    for kept in ("pending", "sending", "unsure", "recent", "card of an open incident"):
        assert await store.delivery(kept), kept


async def test_purge_keeps_what_the_checks_after_it_need(store: Store) -> None:
    bad = HealthState.UNREACHABLE
    told = (health(0), health(1, bad), health(2), health(3, bad), health(4), health(9), health(0, source="quiet"))
    await store.apply(Changes(health=told))
    after = [await store.checks(at(minute)) for minute in (5, 6, 10)]
    assert await store.purge(at(5)) == 3
    assert [await store.checks(at(minute)) for minute in (5, 6, 10)] == after
    assert len((await store.load(EIGHT)).health) == 2


# --- observations ------------------------------------------------------------------------------------------------


def observed(key: str, state: EntryState, minutes: float = 0, *, operator: str = "orange") -> Heard:
    signal = replace(entry(key, operator=operator, minutes=minutes), source="arcep", observer="arcep", place="71076")
    return Heard(replace(signal, state=state), f"{key} {state} {minutes}")


async def test_observations_are_apart_from_the_operators_own_entries(room: Room) -> None:
    changes = Changes(
        signals=(
            Heard(entry(), "own"),
            observed("late", EntryState.IDENTIFIED, 5),
            observed("works", EntryState.SCHEDULED),
            observed("over", EntryState.RESOLVED),
            observed("other", EntryState.IDENTIFIED, operator="sfr"),
        )
    )
    await room.store.apply(changes)
    for again in (False, True):
        store = await room.restart() if again else room.store
        assert [e.id for e in await store.entries("orange", LONG_AGO)] == ["e1"]
        assert [e.id for e in await store.observations("orange")] == ["works", "late"]
        assert (await store.observations("sfr"))[0] == changes.signals[4].signal
        assert await store.observations("free") == []


async def test_an_observation_that_is_over_is_told_no_more_and_dropped_with_age(store: Store) -> None:
    await store.apply(Changes(signals=(observed("one", EntryState.IDENTIFIED), observed("two", EntryState.IDENTIFIED))))
    await store.apply(Changes(signals=(observed("one", EntryState.RESOLVED, 5), Heard(entry(), "own"))))
    assert [e.id for e in await store.observations("orange")] == ["two"]
    assert await store.purge(at(5)) == 0
    assert await store.purge(at(6)) == 1
    assert await store.known([("arcep", "one"), ("arcep", "two")]) == {("arcep", "two"): "two identified 0"}
    assert [e.id for e in await store.observations("orange")] == ["two"]
    assert [e.id for e in await store.entries("orange", LONG_AGO)] == ["e1"]
