"""A filled-in Integration Design Document in Markdown → record. What is not understood is listed line by line."""

import itertools
import re
from collections.abc import Callable
from typing import Any, get_args

from ..record.findings import InvalidRecord, Problem
from .base import Asked, Imported, Importer, Ledger
from .blocks import Block, Fence, Heading, Pair, Table, Text, blocks, listed, plain
from .phrases import CHOICES, choice, name, setting
from .template import LIMIT_ACTIONS, PAIRS, PLACES, REQUIRED, ROWS, TABLES, Reads, Stated, Values, derived, one

__all__ = ["MARKDOWN"]

LONGEST = 2_000_000
MOST_LINES = 60_000
MOST_BLOCKS = 60_000
_NOTHING = re.compile(r"\s*(?:—|–|-+)?\s*")
_PLACEHOLDER = re.compile(r"\{\{\s*\w+\s*\}\}")
SCENARIOS = {"happy path": "happy", "error scenarios": "error", "other scenarios": None}
NODES = {
    "c_svc": "consumer_service",
    "p_svc": "provider_service",
    "gw": "gateway",
    "q": "queue",
    "dlq": "dead_letter_queue",
    "p_db": "provider_store",
    "p_worker": "worker",
    "alertsystem": "alert_system",
}


def read(text: str, asked: Asked) -> Imported:
    """Raises InvalidRecord for what has none of the template's headings."""
    if len(text) > LONGEST or text.count("\n") > MOST_LINES:
        message = f"line 1, column 1: is longer than {LONGEST:,} characters or {MOST_LINES:,} lines"
        raise InvalidRecord([Problem("", message, "Import the document of one integration.")])
    reading = _Reading()
    for index, block in enumerate(blocks(text.replace("\r\n", "\n"))):
        if index > MOST_BLOCKS:
            message = f"line {block.line}, column 1: more than {MOST_BLOCKS:,} headings, values and paragraphs"
            raise InvalidRecord([Problem("", message, "Import the document of one integration.")])
        reading.take(block)
    return reading.imported()


class _Reading:
    def __init__(self) -> None:
        self.ledger = Ledger.by_line()
        self.document: Values = {}
        self.place = "cover"
        self.heading = ""
        self.known = 0
        self.contract: Values = {}
        self.operation: Values = {}
        self.event: Values = {}
        self.frame: Values = {}
        self.response: Values | None = None
        self.policy: Values = {}
        self.scenario: str | None = None
        self.caption = ""

    def imported(self) -> Imported:
        if not self.known:
            message = "line 1, column 1: has none of the headings of an Integration Design Document"
            raise InvalidRecord([Problem("", message, "Keep headings such as “## 3. Service Contracts”.")])
        for contract in self.document.get("contracts", []):
            _settle_waits(contract.get("policy", {}).get("retry", {}))
        return self.ledger.imported("markdown", _without_nothing(self.document))

    def take(self, block: Block) -> None:
        match block:
            case Heading():
                self.take_heading(block)
            case Pair():
                self.take_pair(block)
            case Table():
                self.take_table(block)
            case Fence():
                self.take_fence(block)
            case Text():
                self.take_text(block)

    def took(self, line: int, target: str, text: str) -> None:
        self.ledger.took((line, self.heading), target, text)

    def left(self, line: int, text: str) -> None:
        self.ledger.left((line, self.heading), text[:300])

    # Headings

    def take_heading(self, block: Heading) -> None:
        title, self.heading = block.title, f"{block.number} {block.title}".strip()
        self.caption = ""
        if named := re.fullmatch(
            r"(Integration|Request Contract|Event|Different in)(?:\s*:\s*|\s+|$)(.*)", title, re.DOTALL
        ):
            if self._named(block, named[1], named[2]):
                return
        place = next((each for start, each in PLACES.items() if re.match(start, title.lower())), None)
        if place is None:
            self.left(block.line, f"This heading is not one of the template's: {title}")
            self.place = "other"
            return
        self.place = place
        self.known += block.level > 1 or place != "cover"
        self.took(block.line, "", f"Section {title[:100]}")

    def _named(self, block: Heading, kind: str, written: str) -> bool:
        """Headings that carry the name of what they begin."""
        text = None if _NOTHING.fullmatch(written) or _PLACEHOLDER.search(written) else plain(written)
        item: Values = Stated() if written and _NOTHING.fullmatch(written) else {}
        match kind:
            case "Integration" if block.number.startswith("3.") or self.place == "contracts":
                self.contract = self._add("contracts", item, name(text))
                self.policy = self.contract.setdefault("policy", {})
                self.operation, self.place = {}, "contract"
            case "Request Contract" if self.contract:
                self._begin_operation(item, name(text))
            case "Different in" if self.contract:
                item["environment"] = name(text)
                self.contract.setdefault("policy", {}).setdefault("environments", []).append(item)
                self.policy, self.place = item, "different"
            case "Event" if ":" in block.title:
                self.event = self._add("events", item, text)
                self.place = "event"
            case _:
                return False
        self.known += 1
        if _PLACEHOLDER.search(written):
            self.left(block.line, f"{kind} is still a placeholder: {plain(written)}")
        else:
            self.took(block.line, self._target(), block.title[:200])
        return True

    def _add(self, section: str, item: Values, named: str | None) -> Values:
        item["name"] = named
        self.document.setdefault(section, []).append(item)
        return item

    def _begin_operation(self, item: Values, named: str | None = None) -> None:
        item["name"] = named
        self.operation, self.response = item, None
        self.contract.setdefault("operations", []).append(self.operation)
        self.place = "operation"

    def _target(self) -> str:
        if self.place == "event":
            return f"events[{self.event.get('name')}]"
        return f"contracts[{self.contract.get('name')}]" if self.contract else self.place

    # Values

    def part(self, path: str) -> Values:
        """The part of the document that `contract.authentication` or `sla` means here."""
        first, *rest = path.split(".")
        here: Values | None = {
            "contract": self.contract,
            "operation": self.operation,
            "event": self.event,
            **{each: self.policy.setdefault(each, {}) for each in get_args(CHOICES["policy"]) if first == each},
        }.get(first)
        if here is None:
            here = self.document.setdefault(first, {})
        for step in rest:
            here = here.setdefault(step, {})
        return here

    def fill(self, line: int, shown: str, written: str, target: str, reads: Reads) -> None:
        """Read one value into its part, or say why not."""
        if _NOTHING.fullmatch(written):
            self.took(line, target, f"{shown}: nothing is stated.")
        elif _PLACEHOLDER.search(written):
            self.left(line, f"{shown} is still a placeholder: {plain(written)}")
        elif (values := reads(written)) is None:
            self.left(line, f"{shown} was not understood: {plain(written)}")
        else:
            if target:
                self.part(target).update({key: each for key, each in values.items() if each is not None})
            self.took(line, target, f"{shown}: {plain(written)[:200]}")

    def take_pair(self, block: Pair) -> None:
        shown = block.label.lower()
        place = (
            "operation"
            if self.place in ("contract", "authentication", "base urls") and shown == "endpoint"
            else self.place
        )
        if place == "operation" and self.place != "operation" and self.contract:
            self._begin_operation({})
        known = PAIRS.get(place, {}).get(shown)
        if not block.value and self._begins_response(block.line, block.label):
            return
        if self._scenarios_pair(block, shown) or self._headers_pair(block, shown):
            return
        if known and (block.value or known[1] is derived):
            self.fill(block.line, block.label, block.value or "—", *known)
        elif not block.value:
            self.caption = shown
            self.took(block.line, self._target(), f"{block.label}:")
        else:
            self.left(block.line, f"This label is not known here: {block.label}: {plain(block.value)}")

    def _scenarios_pair(self, block: Pair, shown: str) -> bool:
        """`Happy path:` begins a list, `Verified: …` belongs to the scenario above; others are scenarios themselves."""
        if self.place != "scenarios":
            return False
        scenarios = self.part("testing").setdefault("scenarios", [])
        if shown in SCENARIOS and not block.value:
            self.scenario = SCENARIOS[shown]
        elif shown == "verified" and scenarios:
            scenarios[-1]["how_verified"] = plain(block.value)
        else:
            self.take_text(Text(block.line, block.text or f"{block.label}: {block.value}"))
            return True
        self.took(block.line, "testing.scenarios", f"{block.label}: {plain(block.value)}")
        return True

    def _headers_pair(self, block: Pair, shown: str) -> bool:
        if shown not in REQUIRED or self.place != "operation":
            return False
        names = listed(block.value)
        for header in self.operation.get("headers", []):
            if header.get("name") in names:
                header["required"] = REQUIRED[shown]
        self.took(block.line, self._target(), f"{block.label}: {', '.join(names)}")
        return True

    # Tables

    def take_table(self, block: Table) -> None:
        head = tuple(each.lower() for each in block.head)
        place = "message headers" if head[:1] == ("message header",) else self.place
        if place == "cover":
            self._each(
                block, lambda line, cells: self.took(line, "", "Who wrote, changed or signed is kept by the registry.")
            )
        elif place == "different" and self.policy:
            self._each(block, self._different)
        elif place in ROWS and self.contract:
            self._each(block, lambda line, cells: self._labelled(line, cells, place))
        elif place in TABLES and (self.contract or not TABLES[place][0].startswith(("contract", "operation"))):
            self._each(block, lambda line, cells: self._rows(line, head, cells, place))
        else:
            self.left(block.line, f"No table is expected here: {' | '.join(block.head)}")
            self._each(block, lambda line, cells: self.left(line, f"Not read: {' | '.join(map(plain, cells))}"))

    def _each(self, block: Table, reads: Callable[[int, tuple[str, ...]], None]) -> None:
        self.took(block.line, self._target(), f"Table: {' | '.join(block.head)[:200]}")
        for line, cells in block.rows:
            reads(line, cells)

    def _labelled(self, line: int, cells: tuple[str, ...], place: str) -> None:
        shown = plain(cells[0]) if cells else ""
        known = ROWS[place].get(shown.lower())
        if known is None or len(cells) < 2:
            self.left(line, f"This row is not known here: {' | '.join(map(plain, cells))}")
            return
        self.fill(line, shown, cells[1], *known)
        action = LIMIT_ACTIONS.get(shown.lower()) if place == "limits" else None
        if action and len(cells) > 3:
            reads = one(action, lambda text: choice(CHOICES["limit_action"], text))
            self.fill(line, f"{shown}: action", cells[3], "rate_limit", reads)

    def _different(self, line: int, cells: tuple[str, ...]) -> None:
        found = setting(plain(cells[0]), cells[1]) if len(cells) == 2 else None
        if found is None:
            self.left(line, f"This setting is not known: {' | '.join(map(plain, cells))}")
            return
        part, field, value = found
        self.policy.setdefault(part, {})[field] = value
        self.took(line, self._target(), f"{plain(cells[0])}: {plain(cells[1])}")

    def _rows(self, line: int, head: tuple[str, ...], cells: tuple[str, ...], place: str) -> None:
        """`PagerDuty checkout + Slack #checkout` in one cell are two routes; a sign + of a name is escaped."""
        at = head.index("alert channel") if place == "routes" and "alert channel" in head else len(cells)
        for channel in cells[at].split(" + ") if at < len(cells) else [""]:
            self._row(line, head, (*cells[:at], channel, *cells[at + 1 :]) if channel else cells, place)

    def _row(self, line: int, head: tuple[str, ...], cells: tuple[str, ...], place: str) -> None:
        target, columns = TABLES[place]
        item: Values = {}
        for column, written in zip(head, cells, strict=False):
            if _NOTHING.fullmatch(written):
                continue
            reads = columns.get(column)
            if _PLACEHOLDER.search(written):
                self.left(line, f"{column.capitalize()} is still a placeholder: {plain(written)}")
            elif reads is None:
                self.left(line, f"This column is not known here: {column}: {plain(written)}")
            elif (values := reads(written)) is None:
                item |= self._odd_cell(line, column, written, place)
            else:
                item |= values
        dashed = any(each.strip() for each in cells) and all(_NOTHING.fullmatch(each) for each in cells)
        if item or dashed:
            *holders, last = target.split(".")
            holder = self.part(".".join(holders)) if holders else self.document
            holder.setdefault(last, []).append(Stated() if dashed else item)
            self.took(line, target, " | ".join(map(plain, cells))[:300])
        elif not any(each.strip() for each in cells):
            self.took(line, target, "An empty row.")

    def _odd_cell(self, line: int, column: str, written: str, place: str) -> Values:
        """Half understood: the rest is kept as a note where the row has one."""
        text = plain(written)
        if place == "errors" and column == "consumer action":
            self.left(line, f"Which action this means was not understood; kept as a note: {text}")
            return {"notes": text}
        self.left(line, f"{column.capitalize()} was not understood: {text}")
        return {}

    # Code blocks and loose text

    def take_fence(self, block: Fence) -> None:
        caption, self.caption = self.caption, ""
        if block.language == "mermaid":
            self._mermaid(block)
        elif not block.text:
            self.took(block.line, self._target(), "An empty code block.")
        elif block.info != "verbatim" and _PLACEHOLDER.search(block.text):
            self.left(block.line, "This code block still holds placeholders.")
        elif not self._keep_code(block, caption):
            self.left(block.line, f"No place for this code block of {block.text.count(chr(10)) + 1} lines.")

    def _keep_code(self, block: Fence, caption: str) -> bool:
        spot = self._spot(block, caption)
        if spot is None:
            return False
        part, field = spot
        if field == "header lines":
            return self._header_lines(part, block)
        part[field] = block.text
        self.took(block.line, self._target(), f"{caption or block.language or field}: {len(block.text):,} characters")
        return True

    def _spot(self, block: Fence, caption: str) -> tuple[Values, str] | None:
        """Where a code block belongs: by its caption, else by its place."""
        if self.place == "event":
            return self.event, "data_schema" if caption == "data schema" else "example"
        if not self.contract or self.place not in ("contract", "operation", "authentication", "base urls"):
            return None
        if block.language in ("proto", "protobuf", "graphql"):
            return self.contract.setdefault("definition", {}), "proto" if "proto" in block.language else "graphql"
        if caption in ("schema", "example") and self.frame:
            return self.frame, "body_schema" if caption == "schema" else "example"
        if caption == "headers" and self.operation:
            return self.operation, "header lines"
        if caption.startswith("request body") and self.operation:
            return self.operation, "request_schema" if caption.endswith("schema") else "request_example"
        if self.response is not None:
            return self.response, "body_schema" if caption.endswith("schema") else "body_example"
        return None

    def _header_lines(self, part: Values, block: Fence) -> bool:
        for number, line in enumerate(block.text.split("\n"), block.line + 1):
            header, sign, value = line.partition(":")
            if sign and header.strip():
                part.setdefault("headers", []).append({"name": header.strip(), "value": value.strip()})
                self.took(number, self._target(), line[:200])
            elif line.strip():
                self.left(number, f"This is not a header: {line}")
        return True

    def _mermaid(self, block: Fence) -> None:
        if self.place != "topology":
            self.took(block.line, self.place, "This drawing is made from the record.")
            return
        for node, text in re.findall(r"\b(\w{1,40})\[\(?([^\[\]()]{1,300})\)?\]", block.text):
            field, title = NODES.get(node.lower()), text.split("\\n")[-1].strip(' "')
            if field and title and not _PLACEHOLDER.search(title):
                self.part("topology").setdefault(field, title)
        self.took(block.line, "topology", "The names of its boxes; the drawing is made from the record.")

    def take_text(self, block: Text) -> None:
        text = plain(block.text)
        if bare := self._bare_heading(block.line, text):
            self.take_heading(bare)
        elif frame := re.fullmatch(r"\*\*Frame (.*?)\*\*, sent by the (\w+|—)", block.text):
            self.frame = Stated({"name": name(frame[1])})
            if frame[2] in ("consumer", "provider"):
                self.frame["sent_by"] = frame[2]
            self.part("contract.definition").setdefault("frames", []).append(self.frame)
            self.took(block.line, self._target(), text)
        elif self._begins_response(block.line, text):
            pass
        elif scenario := self._scenario(block):
            self.part("testing").setdefault("scenarios", []).append(scenario)
            self.took(block.line, "testing.scenarios", text)
        elif _NOTHING.fullmatch(block.text):
            self.took(block.line, self.place, "Nothing is stated.")
        elif self.place == "deduplication" and re.match(r"\d\. ", block.text):
            self._step(block)
        else:
            self.left(block.line, f"Not understood: {text}")

    def _bare_heading(self, line: int, text: str) -> Heading | None:
        """`4.2 Topics / Queues` without its #, as a page copied from a browser has it."""
        found = re.fullmatch(r"(\d(?:\.\d{1,2})?)\.?\s+(\S.{0,100})", text)
        if not found or not any(re.match(each, found[2].lower()) for each in (*PLACES, "integration:")):
            return None
        return Heading(line, 1 + len(found[1].split(".")), found[1], found[2])

    def _begins_response(self, line: int, text: str) -> bool:
        """`Successful response 201`, or the template's `200 / 201`: the first counts."""
        found = re.fullmatch(r"Successful response (—|[1-5]\d\d)(?:\s*/.*)?", text, re.IGNORECASE)
        if not found or not self.contract:
            return False
        if not self.operation:
            self._begin_operation({})
        self.response = {"status": int(found[1])} if found[1].isdigit() else Stated()
        self.operation.setdefault("responses", []).append(self.response)
        self.caption = ""
        self.took(line, self._target(), text)
        return True

    def _scenario(self, block: Text) -> Values | None:
        """`- Provider returns 500 — circuit breaker opens`."""
        found = re.fullmatch(r"[-*•]\s+(.+?)\s+(?:—|–|->|→)\s+(.+)", block.text)
        if self.place != "scenarios" or not found or _PLACEHOLDER.search(block.text):
            return None
        title, expected = (None if _NOTHING.fullmatch(each) else plain(each) for each in found.groups())
        return Stated({"title": title, "expected": expected, "kind": self.scenario})

    def _step(self, block: Text) -> None:
        """A step of what a consumer does: it follows from the strategy, which it may name."""
        if "processed_events" in block.text:
            self.part("deduplication").setdefault("strategy", "processed_events")
        self.took(block.line, "deduplication.strategy", plain(block.text))


def _settle_waits(retry: Values) -> None:
    """Listed delays are the policy only where nothing else says how waits grow."""
    found, stated = retry.pop("delays_ms", None), retry.pop("listed", None)
    if stated:
        retry["delays_ms"] = stated
    if not found or ("base_delay_ms" in retry and retry.get("strategy") != "explicit"):
        return
    growth = {round(after / before, 3) for before, after in itertools.pairwise(found) if before}
    if retry.get("strategy") == "exponential" and len(growth) <= 1:
        retry["base_delay_ms"] = found[0]
        retry["multiplier"] = f"{next(iter(growth), 2):g}"
    else:
        retry["strategy"], retry["delays_ms"] = "explicit", found


def _without_nothing(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: each for name, raw in value.items() if (each := _without_nothing(raw)) not in (None, "", {}, [])}
    if isinstance(value, list):
        found = ((raw, _without_nothing(raw)) for raw in value)
        return [each for raw, each in found if each not in (None, {}) or isinstance(raw, Stated)]
    return value


_OURS = re.compile(
    r"^#{1,6}\s+(?:Integration Design|(?:\d+\.\s+)?(?:Integration Overview|Service Contracts|Event-Driven))", re.M
)


def _accepts(filename: str, head: str) -> bool:
    return filename.lower().endswith((".md", ".markdown")) or _OURS.search(head) is not None


MARKDOWN = Importer("markdown", "Integration Design Document (Markdown)", _accepts, read)
