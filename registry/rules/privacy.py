"""Personal data and secrets: what schemas carry, what examples give away, what must never be in a record."""

import re
from collections.abc import Iterator
from typing import Any

from ..definitions import schemas
from ..definitions.bodies import WITH_JSON, pair
from ..record.base import Part
from ..record.contracts import Authentication, BaseUrl, Definition, Frame, Header, Operation, Response
from ..record.events import Event
from ..record.findings import Severity
from .base import Place, Said, rule

PERSONAL = re.compile(
    r"e[-_]?mail|phone|mobile|birth|\bdob\b|\bssn\b|social_?security|passport|tax_?id|iban|account_?number|"
    r"card_?number|\bpan\b|cvv|cvc|first_?name|last_?name|full_?name|surname|street|postal|zip_?code|"
    r"ip_?address|password|gender|religion|diagnosis|salary",
    re.IGNORECASE,
)
MARKS = ("x-pii", "x-masked", "x-encrypted", "x-tokenized", "x-classification")
SECRET = re.compile(
    r"eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{5,}|AKIA[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{20,}|xox[abprs]-[A-Za-z0-9-]{10,}|"
    r"sk_live_[A-Za-z0-9]{10,}|-----BEGIN [A-Z ]*PRIVATE KEY|://[^/\s:@]+:[^/\s:@{<]+@"
)
SAFE_DOMAINS = re.compile(r"(?:^|[.@])(?:example(?:\.(?:com|org|net))?|test|invalid|localhost)$", re.IGNORECASE)
_MAIL = re.compile(r"[A-Za-z0-9._%+-]{1,64}@((?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,20})")
_CARD = re.compile(r"(?<!\d)\d(?:[ -]?\d){12,18}(?!\d)")
_PROTO_FIELD = re.compile(r"\s*(?:repeated |optional |required )?\s*[\w.<>, ]{1,200}?\s(\w{1,100})\s*=\s*\d")
_GRAPHQL_FIELD = re.compile(r"\s*(\w{1,100})\s*(?:\([^)]{0,300}\))?\s*:\s*[\w\[]")
_NOTE = re.compile(r"\s*(?://|/?\*|#|\"|')")
_MARKED = re.compile(r"\bpii\b|personal|mask|encrypt|tokeni[sz]|redact|sensitive", re.IGNORECASE)
_TEST_CARDS = ("4242424242424242", "4111111111111111", "5555555555554444", "378282246310005")


@rule("personal-data-unmarked", Severity.WARNING, "Personal data without a mark", on=WITH_JSON)
def personal_data_unmarked(place: Place[Part]) -> Said:
    """Events and bodies end in logs, dead letters and test data. A field that names a person must say so, for whoever
    masks, deletes or answers for it.

    Bad: {"properties": {"email": {"type": "string"}}}. Good: {"properties": {"email": {"type": "string", "x-pii":
    "masked in logs"}}}.

    Add x-pii to the property and say how it is protected, or send an id instead.
    """
    both = pair(place.part)
    if both.schema is None or schemas.read(both.schema).problem:
        return
    named = dict.fromkeys(
        name for name, said in schemas.properties(schemas.read(both.schema).value) if _is_bare(name, said)
    )
    for name in named:
        yield (
            both.schema_field,
            f"{name[:60]} looks like personal data and is not marked.",
            "Add x-pii, or send an id instead.",
        )


def _is_bare(name: str, said: Any) -> bool:
    if isinstance(said, dict) and ({*MARKS} & set(said) or said.get("writeOnly") is True):
        return False
    return _is_personal(name)


def _is_personal(name: str) -> bool:
    return PERSONAL.search(re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name)) is not None


@rule("personal-data-example", Severity.WARNING, "A real person in an example", on=WITH_JSON)
def personal_data_example(place: Place[Part]) -> Said:
    """Records are read by many, exported and kept for years. An address or card number pasted from production stays
    in every revision.

    Bad: anna.smith@gmail.com. Good: anna@example.com. Bad: a card number that passes its check digit. Good: 4242 4242
    4242 4242.

    Replace it by made-up data.
    """
    both = pair(place.part)
    text = (both.example or "")[: schemas.LARGEST]
    for found in dict.fromkeys(_real_data(text)):
        yield both.example_field, f"Holds {found}.", "Replace it by made-up data, such as anna@example.com."


def _real_data(text: str) -> Iterator[str]:
    for mail in _MAIL.finditer(text):
        if not SAFE_DOMAINS.search(mail[1]):
            yield f"a mail address at {mail[1]}"
    for card in _CARD.finditer(text):
        digits = re.sub(r"\D", "", card[0])
        if digits not in _TEST_CARDS and digits[0] in "3456" and _is_card(digits):
            yield f"a number like a payment card's, ending in {digits[-4:]}"


def _is_card(digits: str) -> bool:
    """Luhn's check: every second digit doubled, the sum divisible by ten."""
    doubled = [int(each) * (1 + index % 2) for index, each in enumerate(reversed(digits))]
    return sum(each - 9 if each > 9 else each for each in doubled) % 10 == 0


@rule(
    "secret-in-record",
    Severity.ERROR,
    "A secret in the record",
    on=(Authentication, Header, BaseUrl, Operation, Response, Frame, Event),
)
def secret_in_record(place: Place[Part]) -> Said:
    """Everybody who signs in reads every record, and revisions are never deleted. A token or key in it has leaked.

    Bad: Authorization: Bearer eyJhbGciOi…, https://user:password@host. Good: Authorization: Bearer <token>.

    Replace it by a placeholder, and change the secret at once where it was real.
    """
    for name in type(place.part).model_fields:
        value = getattr(place.part, name)
        if isinstance(value, str) and SECRET.search(value):
            yield name, "Holds what looks like a real key, token or password.", "Write a placeholder such as <token>."


@rule("personal-data-in-definition", Severity.WARNING, "Personal data without a mark, in a definition", on=Definition)
def personal_data_in_definition(place: Place[Definition]) -> Said:
    """What is true of JSON Schemas holds for .proto sources and GraphQL: a field that names a person ends in logs and
    test data, and must say how it is protected.

    Bad: string email = 2; Good: string email = 2 [debug_redact = true]; or a comment “masked in logs” on its line or
    the line above.

    Mark the field, or send an id instead.
    """
    for name, form in (("proto", _PROTO_FIELD), ("graphql", _GRAPHQL_FIELD)):
        for field in _unmarked(getattr(place.part, name) or "", form):
            yield name, f"{field[:60]} looks like personal data and is not marked.", "Mark it, or send an id instead."


def _unmarked(source: str, form: re.Pattern[str]) -> Iterator[str]:
    """Fields that name a person, and neither the rest of their line nor a comment above says how they are kept."""
    above = ""
    for line in source[: schemas.LARGEST].splitlines():
        found = form.match(line[:500])
        if found and _is_personal(found[1]) and not _MARKED.search(f"{above} {line[found.end() :]}"):
            yield found[1]
        above = line if _NOTE.match(line) else ""
