"""What the bot does when nobody has configured it: its whole story, without a token or a network."""

from typing import Any

_SPEED = 400.0  # 3 h 30 of scenario in about 32 s
_BANNERS = {
    "fr": (
        "Démonstration\u00a0: la matinée du 5 décembre 2023, quand la messagerie d’Orange est tombée. La panne est "
        "réelle\u00a0; les messages, les heures et la plupart des lieux sont de nous. "
        "Le temps passe 400 fois plus vite."
    ),
    "en": (
        "Demonstration: the morning of 5 December 2023, when Orange's e-mail failed. The outage is real; the messages, "
        "the hours and most places are ours. Time runs 400 times as fast."
    ),
}


def demo(language: str) -> dict[str, Any]:
    """The embedded defaults, as a `config.toml` would say it."""
    return {
        "store": {"path": "var/demo.db"},
        "run": {"scenario_speed": _SPEED},
        "sources": [{"kind": "replay", "scenario": "orange-mail"}],
        "handlers": [{"kind": "console", "banner": _BANNERS.get(language, _BANNERS["fr"])}],
    }
