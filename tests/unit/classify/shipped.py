"""The classifier as it ships, built once for all tests of a run."""

from functools import cache
from pathlib import Path

from bot.classify import Classifier, ClassifierData, load_data, load_operators
from bot.domain.operators import Operator

_DATA = Path(__file__).parents[3] / "bot" / "classify" / "data"


def data_file(name: str) -> bytes:
    return (_DATA / name).read_bytes()


@cache
def data() -> ClassifierData:
    return load_data(data_file)


@cache
def operators() -> tuple[Operator, ...]:
    return load_operators(data_file("operators.toml").decode())


@cache
def classifier(home: str | None = "71076") -> Classifier:
    return Classifier(data(), operators(), home=home)
