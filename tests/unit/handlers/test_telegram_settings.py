from typing import Any

import pytest
from pydantic import ValidationError

from handlers import telegram
from handlers.targets import telegram_channel

TABLE: dict[str, Any] = {"kind": "telegram", "token": "42:hush", "chat": -1001, "editors": [11]}


@pytest.mark.parametrize(
    ("chat", "expected"), [(-1001, -1001), ("-1001", -1001), (" 42 ", 42), ("@redaction", "@redaction")]
)
def test_a_chat_is_a_number_or_a_name(chat: object, expected: object) -> None:
    assert telegram.Settings.model_validate(TABLE | {"chat": chat}).chat == expected
    channel = {"kind": "telegram_channel", "token": "42:hush", "chat": chat}
    assert telegram_channel.Settings.model_validate(channel).chat == expected


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"editors": []}, "nobody could decide"),
        ({"webhook_url": "https://x.example/"}, "needs a `webhook_secret`"),
        ({"api_base_url": "api.telegram.org"}, "api_base_url"),
        ({"token": ""}, "token"),
        ({"editor": [1]}, "editor"),
        ({"webhook_port": 0}, "webhook_port"),
    ],
)
def test_what_cannot_work_is_refused_without_showing_the_token(changes: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why) as caught:
        telegram.Settings.model_validate(TABLE | changes)
    assert "hush" not in str(caught.value)


def test_settings_never_show_the_token() -> None:
    settings = telegram.Settings.model_validate(TABLE | {"administrators": True})
    assert "hush" not in repr(settings)
