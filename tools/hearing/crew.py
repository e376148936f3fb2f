"""A whole newsroom without a chat, on a store on disk, for the benches of the ears."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path

from bot.clock import SystemClock
from bot.config import load
from bot.domain.incidents import Draft
from bot.domain.signals import Mention
from bot.flow.newsroom import Newsroom, Outlets
from bot.flow.run import Crew, run
from bot.net.http import SafeHttp
from bot.ports import Changes, Source, SourceDeps
from bot.storage.sql import SqlStore
from bot.wiring import build_classifier, build_core, jitter


class TimedStore(SqlStore):
    """The store, and how old each mention was when it was kept.

    Attributes:
        ages: Seconds from when it was published to when its transaction was over.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.ages: list[float] = []

    async def apply(self, changes: Changes) -> None:
        """See `Store.apply`."""
        await super().apply(changes)
        now = SystemClock().now()
        posts = (heard.signal for heard in changes.signals if isinstance(heard.signal, Mention))
        self.ages += [(now - post.published_at).total_seconds() for post in posts]


@asynccontextmanager
async def at_work(
    folder: Path,
    http: SafeHttp,
    sources_of: Callable[[SourceDeps], Sequence[Source]],
    on_line: Callable[[Draft], None] | None = None,
) -> AsyncIterator[tuple[Newsroom, TimedStore]]:
    """Run a newsroom with these sources until the block ends."""
    config, clock, stop = load(None, {}), SystemClock(), asyncio.Event()
    classifier = build_classifier(config)
    operators = {operator.id: operator for operator in classifier.operators}
    deps = SourceDeps(http, clock, operators, classifier.gate, lambda _: False, "Vigie/bench")
    sources = sources_of(deps)
    store = TimedStore(folder / "vigie.db")
    await store.open()
    core = build_core(
        config,
        store=store,
        clock=clock,
        classifier=classifier,
        outlets=Outlets(on_line=on_line),
        author_key=b"bench",
        sources=[(source.name, source.kind, source.hears) for source in sources],
    )
    cursors = await core.newsroom.wake()
    crew = Crew(
        newsroom=core.newsroom,
        desk=core.desk,
        clock=clock,
        sources=sources,
        handlers=(),
        targets=(),
        outboxes={},
        jitter=jitter,
        keep=timedelta(days=config.store.keep_days),
    )
    async with asyncio.TaskGroup() as group:
        group.create_task(run(crew, cursors, stop))
        try:
            yield core.newsroom, store
        finally:
            stop.set()
    for source in sources:
        await source.close()
    await store.close()
    await http.close()


async def stored(store: SqlStore, since: datetime) -> int:
    """How many mentions it keeps."""
    return len(await store.mentions(since))
