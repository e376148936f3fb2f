"""Where log lines go and what they may hold: stderr, one event a line, no chatter of libraries, no secret."""

import logging
import sys

import structlog

# httpx logs each URL at INFO, and Telegram's URLs hold the token; the others only repeat what we log ourselves.
_CHATTY = ("httpx", "httpcore", "telegram", "discord", "aiohttp", "tweepy", "alembic", "sqlalchemy", "asyncio")


def configure(*, debug: bool = False, quiet: bool = False) -> None:
    """Set up logging for the process.

    Args:
        debug: Our own debug lines too; libraries stay at WARNING, for their debug lines may hold secrets.
        quiet: Only what needs somebody's attention (the demo and the one-shot commands show their own results).
    """
    level = logging.DEBUG if debug else logging.ERROR if quiet else logging.INFO
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.CRITICAL if quiet else logging.WARNING)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info if debug else _without_traceback,
            structlog.processors.KeyValueRenderer(key_order=["timestamp", "level", "event"]),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),  # the stderr of now, not of the start
        cache_logger_on_first_use=False,
    )


def _without_traceback(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Name the exception only: its text may hold what a source or a chat answered."""
    if event.pop("exc_info", None):
        kind = sys.exc_info()[0]
        event["exception"] = kind.__name__ if kind else ""
    return event
