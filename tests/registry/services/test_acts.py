"""Every act that is ever recorded has its words."""

import ast
from collections.abc import Iterator
from pathlib import Path

import registry
from registry.services import acts, deliveries

HOME = Path(registry.__file__).parent
PLACES = [*(HOME / "services").glob("*.py"), HOME / "admin.py", HOME / "models" / "trail.py"]
WITHOUT_ACTS = {"acts.py", "deliveries.py", "notices.py"}
"""Those that only name acts of others; kinds of notices are no acts."""
FILES = {"json", "jsonl", "py", "yaml"}
MADE = {
    "integrations.py": {"integration.deprecated", "integration.retired"},
    "catalog.py": {f"{noun}.{verb}" for noun in ("team", "system", "environment") for verb in ("added", "changed")},
    "admin.py": {f"{noun}.{verb}" for noun in ("person", "group") for verb in ("added", "changed")},
}
"""Where kinds are put together when they are recorded, and what comes of it."""


def test_every_act_that_is_recorded_has_words_and_no_other_has() -> None:
    found: set[str] = set()
    made: set[str] = set()
    for path in PLACES:
        if path.name in WITHOUT_ACTS:
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        found |= set(kinds(tree))
        made |= {path.name for _ in put_together(tree)}
    assert made == MADE.keys()
    assert found | set().union(*MADE.values()) == acts.WORDS.keys()


def test_webhooks_may_ask_for_whatever_becomes_of_dead_letters() -> None:
    about = {kind for kind in acts.WORDS if kind.partition(".")[0] in ("letter", "redrive", "source")}
    assert about <= deliveries.KINDS.keys()


def kinds(tree: ast.AST) -> Iterator[str]:
    """Texts of two words with a dot between them."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            noun, dot, verb = node.value.partition(".")
            if dot and is_word(noun) and is_word(verb) and verb not in FILES:
                yield node.value


def put_together(tree: ast.AST) -> Iterator[ast.JoinedStr]:
    """What is recorded, or becomes a kind to record, under a name made on the spot."""
    for node in ast.walk(tree):
        told: list[ast.expr] = []
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr.startswith("record"):
            told = node.args[:1]
        elif isinstance(node, ast.Assign) and any(isinstance(each, ast.Name) for each in node.targets):
            names = {each.id for each in node.targets if isinstance(each, ast.Name)}
            told = [node.value] if names & {"kind", "act"} else []
        for each in told:
            yield from (part for part in ast.walk(each) if isinstance(part, ast.JoinedStr))


def is_word(text: str) -> bool:
    return text.replace("_", "").isalpha() and text.islower()
