"""Finds values in a JSON document by the paths of a mapping; see `sources._mapping.FieldMap` for what a path is."""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import islice
from typing import Any

Node = Any  # a value of a JSON document
Paths = tuple[str, ...]
_STEP = re.compile(r"([^.\[\]]+)(?:\[([^=\]]+)=([^\]]*)\])?")
_SAMPLE_ENTRIES = 20
_SAMPLE_KEYS = 200


class Tree:
    """A decoded document; every search begins at one of its nodes.

    Args:
        root: The document.
        any_spelling: A key is found as `DateDebut`, `dateDebut` or `date-debut`, too, where the path says `date_debut`.
    """

    def __init__(self, root: Node, *, any_spelling: bool = False) -> None:
        self.root = root
        self._any_spelling = any_spelling
        self._spelled: dict[int, dict[str, str]] = {}  # by the id of an object, which lives as long as the root
        included = root.get("included") if isinstance(root, dict) else None
        items = dicts(included if isinstance(included, list) else ())
        self._included = {(str(item.get("type")), str(item.get("id"))): item for item in items}

    def find(self, node: Node, path: str) -> list[Node]:
        """Whatever stands at the end of a path."""
        nodes = [node]
        for key, where, value in _steps(path):
            nodes = [found for item in _flat(nodes) for found in self._step(item, key)]
            if where:
                nodes = [item for item in _flat(nodes) if value in self.values(item, (where,))]
        return nodes

    def objects(self, path: str) -> Iterator[dict[str, Node]]:
        """The objects at a path from the root that are not empty."""
        return dicts(self.find(self.root, path))

    def exists(self, node: Node, path: str) -> bool:
        """Whether something stands there, were it `null` or an empty list; `a + b`: at both."""
        return all(self.find(node, part) for part in _both(path))

    def values(self, node: Node, paths: Paths) -> list[str]:
        """The texts, numbers and truth values that the first of the paths with any leads to."""
        return next((found for path in paths if (found := _scalars(self.find(node, path)))), [])

    def value(self, node: Node, paths: Paths) -> str:
        """The first of them, or nothing."""
        return next(iter(self.values(node, paths)), "")

    def union(self, node: Node, paths: Paths) -> list[str]:
        """Those of all the paths."""
        return [value for path in paths for value in _scalars(self.find(node, path))]

    def joined(self, node: Node, paths: Paths, between: str, *, first: bool = False) -> str:
        """The first path that leads to a text; the parts of `a + b` one after the other.

        Args:
            node: Where to begin.
            paths: Tried in turn.
            between: Stands between the parts.
            first: Of a list, only the first text; else all, on lines of their own.
        """
        for path in paths:
            parts = (_scalars(self.find(node, part)) for part in _both(path))
            texts = [part[0] if first else "\n".join(part) for part in parts if part]
            if texts:
                return between.join(texts)
        return ""

    def _step(self, node: Node, key: str) -> Iterable[Node]:
        if not isinstance(node, dict):
            return ()
        if key == "*":
            return node.values()
        if key not in node:
            node = self._included.get((str(node.get("type")), str(node.get("id"))), node)
        if key not in node and self._any_spelling:
            key = self._spelling(node).get(_letters(key), key)
        return (node[key],) if key in node else ()

    def _spelling(self, node: dict[str, Node]) -> dict[str, str]:
        """The keys of an object by their letters, made once."""
        found = self._spelled.get(id(node))
        if found is None:
            found = self._spelled[id(node)] = {_letters(key): key for key in reversed(node)}
        return found


def dicts(nodes: Iterable[Node]) -> Iterator[dict[str, Node]]:
    """The objects that are not empty."""
    return (node for node in _flat(nodes) if isinstance(node, dict) and node)


def beginning(node: Node, depth: int = 8) -> Node:
    """A document with little of each of its lists."""
    if isinstance(node, list):
        return [beginning(item, depth - 1) for item in node[:_SAMPLE_ENTRIES]] if depth else []
    if isinstance(node, dict):
        some = islice(node.items(), _SAMPLE_KEYS if depth else 0)
        return {key: beginning(value, depth - 1) for key, value in some}
    return node


def _both(path: str) -> list[str]:
    return [part.strip() for part in path.split(" + ")]


@lru_cache(maxsize=1000)
def _letters(key: str) -> str:
    return key.replace("_", "").replace("-", "").casefold()


@lru_cache(maxsize=1000)
def _steps(path: str) -> tuple[tuple[str, str, str], ...]:
    return tuple(_STEP.findall(path))


def _flat(nodes: Iterable[Node]) -> Iterator[Node]:
    """What is in lists, however deep (a stack, since a stranger may nest more of them than Python calls)."""
    levels = [iter(nodes)]
    while levels:
        for node in levels[-1]:
            if isinstance(node, list):
                levels.append(iter(node))
                break
            yield node
        else:
            levels.pop()


def _scalars(nodes: Iterable[Node]) -> list[str]:
    found = []
    for node in _flat(nodes):
        if isinstance(node, bool):
            found.append(str(node).lower())
        elif isinstance(node, str | int | float) and str(node).strip():
            found.append(str(node).strip())
    return found
