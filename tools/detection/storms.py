"""Repost storms: sixty posts of one text in half an hour, as counted, and as counted once duplicates are known.

What is left of a storm is decided by the project's own ring of near-duplicates, on texts written here. The mix of
copies is our guess at what a storm is made of; no data of it are at hand.
"""

import random  # noqa: TID251 - a benchmark makes its own streams, from a seed
from datetime import UTC, datetime, timedelta

from bot.classify import NearDuplicates

COUNTED, KNOWN = "storm of 60 reposts, as counted", "storm of 60 reposts, duplicates known"
POSTS, MINUTES, WATCHED = 60, 30, 150

_ORIGINALS = (
    "Bravo Orange, plus aucun mail depuis ce matin et le service client qui raccroche au nez, c'est vraiment honteux",
    "SFR est encore tombé, la box clignote rouge depuis une heure et personne pour répondre au téléphone évidemment",
    "Free en panne générale et pas un mot sur leur site, on paie tous les mois pour regarder une lumière clignoter",
)
_COMMENTS = ("mdr", "pareil", "quelle honte", "encore eux", "toujours les mêmes", "😂😂", "c'est fou", "+1")
_SWAPS = (("depuis", "dès"), ("vraiment", "franchement"), ("personne", "aucun humain"), ("encore", "à nouveau"))


def _copy(rng: random.Random, original: str) -> str:
    """How somebody says again what somebody said."""
    kind = rng.random()
    if kind < 0.45:  # noqa: PLR2004 - the mix: half copies, a fifth reposts, …
        return original
    if kind < 0.65:  # noqa: PLR2004
        return f"RT @quelqu_un: {original}"
    if kind < 0.85:  # noqa: PLR2004 - … a fifth with a word of their own, …
        return f"{rng.choice(_COMMENTS)} {original}" if rng.random() < 1 / 2 else f"{original} {rng.choice(_COMMENTS)}"
    if kind < 0.95:  # noqa: PLR2004 - … a tenth cut short, the rest reworded
        spoken = original.split()
        return " ".join(spoken[: rng.randrange(len(spoken) // 2, len(spoken))])
    for old, new in _SWAPS:
        original = original.replace(old, new)
    return original


def storms(rng: random.Random) -> dict[str, list[int]]:
    """Counts a minute of one storm, with and without its duplicates."""
    ring, original = NearDuplicates(), rng.choice(_ORIGINALS)
    begin = datetime(2024, 3, 12, 8, tzinfo=UTC)
    all_of_it, left = [0] * WATCHED, [0] * WATCHED
    times = sorted(MINUTES * rng.random() ** 1.5 for _ in range(POSTS))
    for number, minutes in enumerate(times):
        text = original if number == 0 else _copy(rng, original)
        all_of_it[int(minutes)] += 1
        left[int(minutes)] += not ring.is_duplicate(f"author {number}", text, begin + timedelta(minutes=minutes))
    return {COUNTED: all_of_it, KNOWN: left}
