"""AMQP: exchanges, and which routing keys a pattern lets through."""

import re
from collections.abc import Iterator

from ..record.contracts import Definition

LONGEST_KEY = 255
_WORD = re.compile(r"[^.\s*#]+")
_MATCHES = ("all", "any", "all-with-x", "any-with-x")


def flaws(definition: Definition) -> Iterator[tuple[str, str, str]]:
    """What cannot be: the field, what is wrong, the mend."""
    key, kind = definition.routing_key, definition.exchange_type
    if key is not None:
        yield from _key(key, kind)
    if kind == "topic" and key is None and definition.exchange is not None:
        yield "routing_key", "A topic exchange passes messages on by their key, and none is stated.", "State it."
    if kind == "headers":
        yield from _headers(definition)


def _key(key: str, kind: str | None) -> Iterator[tuple[str, str, str]]:
    if len(key.encode()) > LONGEST_KEY:
        yield "routing_key", f"It is longer than {LONGEST_KEY} bytes, which AMQP cannot carry.", "Shorten it."
    if kind == "fanout":
        yield "routing_key", "A fanout exchange passes everything on and looks at no key.", "Remove it."
    elif kind == "headers":
        yield "routing_key", "A headers exchange looks at headers, not at the key.", "Remove it, and list the headers."
    elif kind == "direct" and re.search(r"(?:^|\.)[*#](?:\.|$)", key):
        yield (
            "routing_key",
            f"{key[:80]} is a pattern, and a direct exchange compares keys letter by letter.",
            ("Write the key itself, or use a topic exchange."),
        )
    for word in key.split(".") if kind != "direct" else ():
        if word not in ("*", "#") and not _WORD.fullmatch(word):
            yield (
                "routing_key",
                f"“{word[:40]}” in {key[:80]} is no word.",
                ("Words between dots; * stands for one word, # for any number of words."),
            )
            return


def _headers(definition: Definition) -> Iterator[tuple[str, str, str]]:
    named = {each.name: each.value for each in definition.message_headers if each.name}
    match = named.pop("x-match", None)
    if not named:
        yield (
            "message_headers",
            "A headers exchange passes messages on by their headers, and none is listed.",
            "List them.",
        )
    if match is not None and match not in _MATCHES:
        yield "message_headers", f"x-match is {match[:40]}.", f"Write {' or '.join(_MATCHES)}."


def in_words(key: str, kind: str | None) -> str:
    """What a routing key lets through, in words; "" where it says so itself."""
    words = key.split(".")
    if kind in ("direct", "fanout", "headers") or not {"*", "#"} & set(words):
        return ""
    if words == ["#"]:
        return "every message"
    shown = ".".join({"*": "<one word>", "#": "<any words>"}.get(each, each) for each in words)
    return f"keys of the form {shown}"


def examples(key: str) -> tuple[list[str], list[str]]:
    """Keys that a pattern lets through, and keys that it does not."""
    words = key.split(".")
    if not {"*", "#"} & set(words):
        return [], []
    filled = ".".join("a" if each in ("*", "#") else each for each in words)
    longer = ".".join({"*": "a", "#": "a.b"}.get(each, each) for each in words)
    shorter = ".".join("a" if each == "*" else each for each in words if each != "#")
    tried = dict.fromkeys([filled, longer, shorter, f"{filled}.z", f"z.{filled}", filled.rpartition(".")[0]])
    found = [each for each in tried if each]
    return [each for each in found if matches(key, each)], [each for each in found if not matches(key, each)]


def matches(pattern: str, key: str) -> bool:
    """Whether a topic exchange lets a key through: * is one word, # any number, none included."""
    words = pattern.split(".")
    reached = {0}
    for word in (*key.split("."), None):
        # Every # may stand for nothing.
        for at in sorted(reached):
            while at < len(words) and words[at] == "#":
                at += 1
                reached.add(at)
        if word is None:
            return len(words) in reached
        following = {at + 1 for at in reached if at < len(words) and words[at] in ("*", word)}
        reached = following | {at for at in reached if at < len(words) and words[at] == "#"}
    return False
