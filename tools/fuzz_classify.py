"""Throws hostile texts at the classifier and measures that time grows with length and no faster.

    python -m tools.fuzz_classify [--seconds 30] [--seed 1]

Texts are pieces of our own test texts, shuffled, repeated and strewn with what breaks parsers: combining marks, changes
of direction, lone surrogates, joiners, digits of other scripts. A text that raises, or that takes more than ten times
the usual time for its length again and again, is printed and makes the exit code 1.
"""

import argparse
import random  # noqa: TID251 - a fuzzer makes its own texts, from a seed
import statistics
import time

from bot.classify import Classifier, mask
from tools import shipped

_SPICE = (
    *("\u0301", "\u200d", "\u202e", "\ufeff", "\ud800", "\x00", "\u0660", "½", "ﬁ", "İ", "ß", "😡", "👩\u200d💻"),
    *(
        " ",
        "\n",
        "'",
        "’",
        "#",
        "@",
        "/",
        "https://",
        "...",
        "????",
        "(",
        ")",
        "+",
        "&",
        "€",
        "71100",
        "2A",
        "3j",
        "9h30",
    ),
)
_SECONDS_A_CHAR = 5e-6  # of the slowest machine we ever had; ten times that is a defect
_LEAST_SECONDS = 2e-3
_LENGTHS = (100, 200, 400, 800, 1_600, 3_200, 100_000, 1_000_000)


def pieces() -> list[str]:
    """Words of our own texts, and spice."""
    words = [word for text in shipped.texts() for word in text.split()]
    return [*words, *_SPICE * (len(words) // (4 * len(_SPICE)) + 1)]


def hostile(rng: random.Random, known: list[str]) -> str:
    """One text."""
    glue = rng.choice(["", " ", " ", " "])
    text = glue.join(rng.choices(known, k=rng.randrange(60)))
    return text * rng.choice([1, 1, 1, 1, 2, 50, 3000]) if rng.random() < 1 / 4 else text


def seconds(classifier: Classifier, text: str) -> float:
    """Processor time of all that is done with a post before it is stored."""
    begun = time.process_time()
    classifier.gate(text)
    classifier.classify(text, operator_hint="orange")
    mask(text[:4000])
    return time.process_time() - begun


def main() -> int:
    """Fuzz, then measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    classifier = shipped.classifier()
    rng, known = random.Random(options.seed), pieces()
    tried, wrong, end = 0, 0, time.monotonic() + options.seconds
    while time.monotonic() < end:
        text = hostile(rng, known)
        try:
            taken = seconds(classifier, text)
            classifier.explain(text)
            classifier.place(text)
        except Exception as error:  # noqa: BLE001 - whatever is raised is what we look for
            wrong += 1
            print(f"{type(error).__name__}: {error}: {text[:200]!r}")
            continue
        most = 10 * max(_SECONDS_A_CHAR * len(text), _LEAST_SECONDS)
        if taken > most and min(seconds(classifier, text) for _ in range(3)) > most:
            wrong += 1
            print(f"slow: {taken:.3f} s for {len(text)} characters: {text[:200]!r}")
        tried += 1
    print(f"{tried} texts, {wrong} wrong, seed {options.seed}")
    for length in _LENGTHS:
        texts = [" ".join(rng.choices(known, k=length // 4 + 1))[:length] for _ in range(20)]
        print(f"{length:>9,} characters: {1e3 * statistics.median(seconds(classifier, text) for text in texts):.2f} ms")
    return bool(wrong)


if __name__ == "__main__":
    raise SystemExit(main())
