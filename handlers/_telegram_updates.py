"""How updates come in: by long poll, or by a webhook of our own; each is confirmed after it was handled, never before.

The library's own updater confirms what it has merely queued, hides timeouts and answers 403 to a wrong secret; here a
press survives a kill, a wedged poll is an error, and a webhook without its secret is 401.
"""

import asyncio
import hmac
import json
from collections import deque
from collections.abc import Callable, Coroutine
from datetime import timedelta
from urllib.parse import urlsplit

import structlog
from aiohttp import web
from pydantic import SecretStr
from telegram import Update
from telegram.error import BadRequest, Conflict, Forbidden, InvalidToken

from bot.errors import HandlerError
from handlers._telegram_api import FAILURES, Api

ALLOWED = ("message", "edited_message", "callback_query")
_FIRST_PAUSE_SECONDS = 0.5
_MAX_PAUSE_SECONDS = 30.0
_SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105 - the header's name
_REMEMBERED = 1000
_LOOK_SECONDS = 60.0

Handle = Callable[[Update], Coroutine[None, None, None]]  # must not raise

log = structlog.get_logger()


async def poll(api: Api, handle: Handle, *, poll_seconds: int, silent_seconds: float) -> None:
    """Hand over updates until cancelled; short troubles are sat out.

    Raises:
        HandlerError: somebody else polls, the token is refused, or nothing was answered for `silent_seconds`.
    """
    async with api.calling():
        await api.bot.delete_webhook()
    time = asyncio.get_running_loop().time
    offset, heard, pause = 0, time(), _FIRST_PAUSE_SECONDS
    while True:
        try:
            async with asyncio.timeout(poll_seconds + api.call_seconds):
                updates = await api.bot.get_updates(
                    offset=offset, timeout=timedelta(seconds=poll_seconds), allowed_updates=ALLOWED
                )
        except (Conflict, InvalidToken, Forbidden, BadRequest) as error:
            raise api.failure(error) from None
        except FAILURES as error:
            failure = api.failure(error)
            if time() - heard > silent_seconds:
                raise HandlerError(
                    f"telegram: {api.name}: no update could be asked for in {silent_seconds:g} s: {failure.reason}",
                    reason=f"Telegram has not answered for {silent_seconds:g} s ({failure.reason})",
                    retryable=True,
                ) from None
            await asyncio.sleep(failure.retry_after or pause)
            pause = min(2 * pause, _MAX_PAUSE_SECONDS)
            continue
        heard, pause = time(), _FIRST_PAUSE_SECONDS
        async with asyncio.TaskGroup() as group:
            for update in updates:
                group.create_task(handle(update))
        if updates:
            offset = updates[-1].update_id + 1


async def serve_webhook(api: Api, handle: Handle, *, url: str, secret: SecretStr, listen: str, port: int) -> None:
    """Hand over what Telegram posts to our webhook until cancelled.

    A repeated update is answered 200 without effect: Telegram repeats what it has not seen confirmed.

    Raises:
        HandlerError: the address cannot be listened on, or another bot took the webhook away.
    """
    seen: deque[int] = deque(maxlen=_REMEMBERED)

    async def take(request: web.Request) -> web.Response:
        given = request.headers.get(_SECRET_HEADER, "")
        if not hmac.compare_digest(given.encode(), secret.get_secret_value().encode()):
            log.warning("telegram.webhook_refused", remote=request.remote)
            raise web.HTTPUnauthorized
        try:
            update = Update.de_json(json.loads(await request.read()), api.bot)
        except (ValueError, TypeError, KeyError, AttributeError):
            raise web.HTTPBadRequest from None
        if update.update_id not in seen:
            seen.append(update.update_id)
            await handle(update)
        return web.Response()

    app = web.Application(client_max_size=1024 * 1024)
    app.router.add_post(urlsplit(url).path or "/", take)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=2.0)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, listen, port).start()
        except OSError as error:
            raise HandlerError(
                f"telegram: {api.name}: cannot listen on {listen}:{port}: {error.strerror}", retryable=True
            ) from error
        async with api.calling():
            await api.bot.set_webhook(url, secret_token=secret.get_secret_value(), allowed_updates=ALLOWED)
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            async with api.calling():
                info = await api.bot.get_webhook_info()
            if info.url != url:
                raise HandlerError(f"telegram: {api.name}: another bot took the webhook away", retryable=True)
    finally:
        await runner.cleanup()
