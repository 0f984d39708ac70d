"""Made-up integrations: the n-th is always the same. One in nine is a whole document as people write them."""

import functools
import json
import random
from dataclasses import dataclass
from typing import Any

from registry.demo import files

ONE_IN = 9
"""One in so many has a whole document of 5 to 20 KB; the others have one contract and 2 KB."""
NEAR = 2_000
"""So many integrations in a row share the names of topics, so that those have as many users in every registry."""
MARKER = "quetzal"
"""A word that three integrations hold, however many there are."""
MARKED = (3, 77, 501)
_NOUNS = """
account address basket batch booking branch budget calendar card carrier case catalogue charge claim contract coupon
credit customer delivery deposit device discount dispatch document driver employee fraud gift goods identity image
inspection insurance invoice job ledger lease licence loan location loyalty mandate menu meter notice offer order
parcel payment payout permit picking plan points policy price product profile promotion purchase quote rating
receipt refund region return review roster route salary sale schedule sensor settlement shift shipment slot stock
subscription supplier tariff tax ticket transfer trip vehicle visit voucher warehouse
"""
_VERBS = """
approve book cancel check confirm correct count create deliver match move notify pay plan price print publish refund
release send
"""
WHY = (
    "so that nobody types it twice",
    "before the shops open",
    "within a minute of the customer's choice",
    "because the law asks for a copy",
    "so that the books can be closed on time",
    "so that a late van is told early",
)
_SYLLABLES = """
ba be bo da de du fa fo ga go ka ke la lo lu ma mi mo na ne no pa pe ra ri ro sa se si ta te to va ve vi za zo
"""
NOUNS, VERBS, SYLLABLES = _NOUNS.split(), _VERBS.split(), _SYLLABLES.split()
KINDS = ("service", "portal", "engine", "store", "gateway", "hub")


@dataclass(frozen=True, slots=True)
class Design:
    """An integration as somebody would have written it."""

    number: int
    name: str
    slug: str
    document: dict[str, Any]
    is_whole: bool


def system_slug(number: int) -> str:
    return f"{NOUNS[number % len(NOUNS)]}-{KINDS[number // len(NOUNS) % len(KINDS)]}-{number}"


def team_slug(number: int) -> str:
    return f"{NOUNS[number * 7 % len(NOUNS)]}-team-{number}"


def codename(number: int) -> str:
    """A project's name: a word of its own for every few integrations."""
    chance = random.Random(number // 4)  # noqa: S311 - nothing secret
    return "".join(chance.choice(SYLLABLES) for _ in range(4)).capitalize()


def design(number: int, *, systems: int, teams: int) -> Design:
    """The integration with this number, between two of so many systems of so many teams."""
    chance = random.Random(number)  # noqa: S311 - nothing secret
    one, other = chance.sample(NOUNS, 2)
    consumer, provider = chance.randrange(systems), chance.randrange(systems)
    parties = [
        {"role": role, "system": system_slug(each), "team": team_slug(each % teams), "contact": f"{role}@example.com"}
        for role, each in (("consumer", consumer), ("provider", provider))
    ]
    marker = f" Ask {MARKER} first." if number in MARKED else ""
    overview = {
        "project": codename(number),
        "type": chance.choice(("synchronous", "synchronous", "asynchronous", "bidirectional")),
        "criticality": chance.choice(("low", "medium", "medium", "high", "critical")),
        "purpose": f"{chance.choice(VERBS).capitalize()} the {one} of each {other}, {chance.choice(WHY)}.{marker}",
    }
    is_whole = number % ONE_IN == 0
    body = (_whole if is_whole else _small)(chance, one, parties, number)
    document = body | {"overview": body.get("overview", {}) | overview, "parties": parties}
    return Design(number, f"{one.capitalize()} to {other} {number}", f"{one}-to-{other}-{number}", document, is_whole)


def amended(document: dict[str, Any]) -> dict[str, Any]:
    """The document after somebody worked on it: another purpose, busier contracts, one error fewer."""
    contracts = [
        each | {"expected_requests_per_minute": 2_500, "errors": each.get("errors", [])[1:]}
        for each in document.get("contracts", [])
    ]
    overview = document["overview"] | {"purpose": document["overview"]["purpose"] + " It is to be told twice."}
    return document | {"contracts": contracts, "overview": overview}


def _small(chance: random.Random, noun: str, parties: list[dict[str, str]], number: int) -> dict[str, Any]:
    verb = chance.choice(VERBS)
    contract = {
        "name": f"{noun}-api",
        "protocol": "rest",
        "consumer": parties[0]["system"],
        "provider": parties[1]["system"],
        "idempotent": True,
        "idempotency_header": "Idempotency-Key",
        "expected_requests_per_minute": chance.randrange(1, 2_000),
        "authentication": {"type": "oauth2_client_credentials", "token_endpoint": "https://auth.example.com/token"},
        "base_urls": [{"environment": "production", "url": f"https://{parties[1]['system']}.example.com/v1"}],
        "operations": [
            {
                "name": f"{verb}-{noun}",
                "method": "POST",
                "path": f"/{noun}s/{{{noun}Id}}/{verb}",
                "summary": f"{verb.capitalize()} the {noun}.",
                "responses": [{"status": 201}],
            }
        ],
        "errors": [
            {"status": "400", "code": "VALIDATION_ERROR", "action": "fix_request"},
            {"status": "404", "code": f"{noun.upper()}_NOT_FOUND", "action": "check_resource"},
            {"status": "429", "code": "RATE_LIMITED", "action": "back_off_retry_after"},
            {"status": "502/503", "code": "UNAVAILABLE", "action": "fail_fast"},
        ],
        "policy": {
            "retry": {"max_retries": 2, "retry_on_statuses": [429], "strategy": "exponential", "base_delay_ms": 200},
            "circuit_breaker": {"failure_percent": 50, "window_seconds": 60, "minimum_calls": 20, "open_seconds": 30},
            "timeouts": {"connect_ms": 500, "read_ms": 2_000, "total_ms": 10_000},
        },
    }
    topics = [{"name": f"{noun}s.{number // NEAR}.events", "kind": "topic", "broker": "kafka-main", "partitions": 12}]
    return {"contracts": [contract], "topics": topics if chance.random() < 0.3 else []}


def _whole(chance: random.Random, noun: str, parties: list[dict[str, str]], number: int) -> dict[str, Any]:
    text, topics = chance.choice(_templates())
    said = {"Payment": noun.capitalize(), "payment": noun, "groenmarkt": f"{codename(number).lower()}{number // NEAR}"}
    said |= {topic: f"{topic}.{number // NEAR}" for topic in topics}
    for word, instead in said.items():
        text = text.replace(word, instead)
    document: dict[str, Any] = json.loads(text)
    for each in document.get("contracts", []):
        each |= {"consumer": parties[0]["system"], "provider": parties[1]["system"]}
    return document


@functools.cache
def _templates() -> list[tuple[str, list[str]]]:
    """The demo's documents, which are as long and as varied as real ones, each with the names of its topics."""
    found = []
    for story in files.stories():
        document = dict(story.steps[-1].document)
        # Of names that begin alike only the shortest is replaced: the others then change with it.
        names = sorted((each["name"] for each in document.get("topics", [])), key=len)
        first = [name for place, name in enumerate(names) if not name.startswith(tuple(names[:place]))]
        found.append((json.dumps(document), first))
    return found
