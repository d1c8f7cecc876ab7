"""YAML from a stranger: values stay text, duplicate keys and alias bombs are refused."""

from __future__ import annotations

import re
from typing import Any

import yaml

from catchment.errors import BadInput

MAX_CHARACTERS = 4_000_000
MAX_NODES = 100_000
MAX_DEPTH = 64
SURROGATE = re.compile("[\ud800-\udfff]")


class TextLoader(yaml.SafeLoader):
    """A safe loader that resolves nothing but text, maps and lists: `no`, `12:30:00` and `017` stay as written.

    A tag that asks for anything else (`!!int`, `!!binary`, `!!python/...`) is an error.
    """

    nodes = 0
    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Return the next node, up to the limits: a document of millions is given up while it is read."""
        self.nodes += 1
        self.depth += 1
        if self.nodes > MAX_NODES or self.depth > MAX_DEPTH:
            raise BadInput(f"found more than {MAX_NODES:,} values or {MAX_DEPTH} levels; split the description")
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Return a mapping whose keys are all different."""
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                raise BadInput(f"line {key_node.start_mark.line + 1}: found a key that is not text; give a plain name")
            if key in seen:
                raise BadInput(f"line {key_node.start_mark.line + 1}: key {key!r} is given twice; keep one")
            seen.add(key)
        return super().construct_mapping(node, deep)


TextLoader.yaml_implicit_resolvers = {}
TextLoader.yaml_constructors = {
    tag: construct
    for tag, construct in yaml.SafeLoader.yaml_constructors.items()
    if tag is None or tag.rpartition(":")[2] in ("map", "seq", "str")
}


def read_yaml(text: str, name: str) -> dict[str, Any]:
    """Return a YAML document as maps, lists and text.

    Raises
    ------
    BadInput
        With file and line: not YAML, a tag that makes an object, a key twice, too large or too deep, no mapping on top.
    """
    if len(text) > MAX_CHARACTERS:
        found = f"{len(text):,} characters, expected at most {MAX_CHARACTERS:,}"
        raise BadInput(f"{name}: found {found}; split the description")
    try:
        loader = TextLoader(text)
        root = loader.get_single_node()
        bounded(root)
        document = None if root is None else loader.construct_document(root)
    except BadInput as error:
        raise BadInput(f"{name}: {error}") from None
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f" line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or str(error).partition("\n")[0]
        raise BadInput(f"{name}{line}: not valid YAML ({problem}); check the indentation and quotes there") from None
    if not isinstance(document, dict):
        raise BadInput(
            f"{name}: found a {type(document).__name__} on top, expected a mapping with `study` and `assets`"
        )
    return document


def bounded(root: yaml.Node | None) -> None:
    """Refuse a document that grows past the limits when its aliases are expanded, or that no record can hold."""
    remaining = [(root, 1)] if root is not None else []
    nodes = 0
    while remaining:
        node, depth = remaining.pop()
        nodes += 1
        if nodes > MAX_NODES or depth > MAX_DEPTH:
            raise BadInput(
                f"aliases or nesting expand beyond {MAX_NODES:,} values or {MAX_DEPTH} levels; write it flat"
            )
        if isinstance(node, yaml.ScalarNode) and SURROGATE.search(node.value):
            raise BadInput(
                f"line {node.start_mark.line + 1}: found half of a surrogate pair; write the whole character"
            )
        if isinstance(node, yaml.MappingNode):
            remaining += [(child, depth + 1) for pair in node.value for child in pair]
        elif isinstance(node, yaml.SequenceNode):
            remaining += [(child, depth + 1) for child in node.value]
