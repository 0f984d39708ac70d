"""What a dialect is, how it reads the settings of a contract, and how it owns up to what it cannot say."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlsplit

from ..record import labels
from ..record.contracts import HTTP
from ..record.findings import Severity
from ..record.policy import LIVE_PARTS

Settings = Mapping[str, Any]
"""The settings of one integration in one environment, as they are served."""

WAITS = ("strategy", "base_delay_ms", "multiplier", "max_delay_ms")
"""What the waits are worked out from; who reads `delays_ms` has read them."""
NOT_FOR_LIBRARIES = {
    "circuit_breaker.alert_after_seconds",
    "rate_limit.provider_requests_per_minute",
    "rate_limit.provider_limit_is_shared",
}
"""Said to people and to alerting; no library is meant to obey it."""
ORDER = [f"{part}.{name}" for part, kind in LIVE_PARTS.items() for name in kind.model_fields]
WEIGHT = list(Severity)


@dataclass(frozen=True, slots=True)
class Loss:
    """What a library does not do as the settings say."""

    path: str
    """Where it stands in the settings."""
    said: str
    """What the settings say."""
    instead: str
    """What the library does instead, or what is left to the code around it."""
    severity: Severity
    """An error: the library refuses the value. A warning: it acts otherwise. A hint: nearly, or in code of your own."""

    @property
    def contract(self) -> str:
        """The contract it is about; empty for what stands beside them."""
        head, _, rest = self.path.partition("[")
        return rest.rpartition("]")[0] if head == "contracts" else ""

    @property
    def about(self) -> str:
        """The part or value in a word or two."""
        where = self.path.rpartition("].")[2]
        if where == self.path:
            return self.contract or labels.field(where)
        part, _, name = where.rpartition(".")
        return f"{labels.field(name)} timeout" if part == "timeouts" else labels.field(name)


@dataclass(frozen=True, slots=True)
class Rendering:
    """The settings as a library's own configuration."""

    text: str
    losses: tuple[Loss, ...]

    @property
    def is_refused(self) -> bool:
        """Whether the library would refuse a value as it is said."""
        return any(each.severity == Severity.ERROR for each in self.losses)


@dataclass(frozen=True, slots=True)
class Dialect:
    """A library or proxy whose configuration the settings can be written as."""

    name: str
    label: str
    ending: str
    media_type: str
    applies: Literal["live", "restart"]
    """Whether what is read anew is obeyed at once or after a restart."""
    how: str
    """How to take it in, and what that does, in a sentence."""
    write: "Callable[[Settings], Rendering]"


@dataclass(slots=True)
class Contract:
    """The settings of one contract, which remembers what a dialect took and what it owned up to."""

    name: str
    settings: Mapping[str, Any]
    losses: list[Loss] = field(default_factory=list)
    told: set[str] = field(default_factory=set)

    @property
    def pointer(self) -> str:
        return f"contracts[{self.name}]"

    @property
    def protocol(self) -> str:
        return str(self.settings.get("protocol", "rest"))

    @property
    def speaks_http(self) -> bool:
        return self.protocol in HTTP

    def look(self, path: str) -> Any:
        """A value, not yet said in the dialect's words; None where nothing is stated."""
        part, _, name = path.partition(".")
        found = self.settings.get(part)
        return found.get(name) if name and isinstance(found, Mapping) else found

    def take(self, path: str) -> Any:
        """A value that the dialect says as it is meant."""
        self.told.add(path)
        return self.look(path)

    def lose(self, path: str, instead: str, severity: Severity = Severity.WARNING, *, said: str = "") -> None:
        """Own up to a value that is not said, or not as it is meant. Nothing stated, nothing lost."""
        self.told.add(path)
        value = self.look(path)
        if value is None or value == []:
            return
        if path.endswith("retry.delays_ms"):
            said = said or self.waits_in_words()
        words = said or f"{labels.field(path.rpartition('.')[2])}: {labels.setting(path.rpartition('.')[2], value)}"
        # Who speaks of a value again says it better.
        pointer = f"{self.pointer}.{path}"
        self.losses = [each for each in self.losses if each.path != pointer]
        self.losses.append(Loss(pointer, words, instead, severity))

    def assume(self, path: str, instead: str, said: str = "") -> None:
        """Say what the library takes where the settings state nothing."""
        said = said or f"{labels.field(path.rpartition('.')[2])}: not stated"
        self.losses.append(Loss(f"{self.pointer}.{path}", said, instead, Severity.WARNING))

    def lose_part(self, part: str, instead: str, severity: Severity = Severity.WARNING) -> None:
        """Own up to a whole part at once, rather than value by value."""
        stated = {name: value for name, value in (self.look(part) or {}).items() if value not in (None, [])}
        named = {name: value for name, value in stated.items() if f"{part}.{name}" not in NOT_FOR_LIBRARIES}
        self.told |= {f"{part}.{name}" for name in named}
        if named:
            known = LIVE_PARTS[part].model_fields
            in_order = [name for name in known if name in named and not name.endswith("_action")]
            in_order += [name for name in named if name not in known]
            said = ", ".join(_briefly(name, named[name]) for name in in_order)
            self.losses.append(Loss(f"{self.pointer}.{part}", f"{labels.field(part)}: {said}", instead, severity))

    def within(self, path: str, low: int, high: int | None, library: str, *, unit: str = "") -> int | None:
        """A whole number the library takes; one it refuses becomes the nearest it takes, and an error."""
        value: int | None = self.take(path)
        if value is None:
            return None
        held = max(low, value if high is None else min(value, high))
        if held != value:
            bounds = f"less than {low:,}{unit}" if value < low else f"more than {high:,}{unit}"
            self.lose(path, f"{library} refuses {bounds}: the file says {held:,}{unit}.", Severity.ERROR)
        return held

    @property
    def retries(self) -> int | None:
        """Retries after the first call; None where the settings leave them to the library."""
        return self.take("retry.max_retries")  # type: ignore[no-any-return]

    @property
    def waits(self) -> list[int]:
        """The longest wait before each retry, in ms."""
        return list(self.look("retry.delays_ms") or [])

    @property
    def statuses(self) -> list[int]:
        return list(self.look("retry.retry_on_statuses") or [])

    @property
    def on_network_errors(self) -> bool:
        """Whether a connection that fails is worth another try."""
        return bool(self.look("retry.retry_on_network_errors"))

    def waits_in_words(self) -> str:
        waits = ", ".join(f"{each:,}" for each in self.waits) or "none"
        return f"Waits: {waits} ms"

    def finish(self, library: str) -> list[Loss]:
        """Everything lost, in the document's order; what nobody spoke of is not known to the library."""
        if "retry.delays_ms" in self.told or self.look("retry.delays_ms") == []:
            self.told |= {f"retry.{name}" for name in WAITS} | {"retry.delays_ms"}
        elif self.look("retry.delays_ms") is not None:
            self.told |= {f"retry.{name}" for name in WAITS}
        for path in self.stated():
            if path not in self.told:
                idle = path.startswith("retry.") and self.look("retry.max_retries") is None
                self.lose(
                    path, "Left out: no number of retries is stated." if idle else f"{library} has no such setting."
                )
        self.lose("idempotency_header", "Your code sets the header.", Severity.HINT)
        if self.look("errors"):
            said = f"{len(self.look('errors'))} rows of the error table"
            self.lose("errors", "Your code acts on them.", Severity.HINT, said=said)
        position = {f"{self.pointer}.{path}": index for index, path in enumerate(ORDER)}
        return sorted(self.losses, key=lambda each: position.get(each.path, len(position)))

    def stated(self) -> Iterator[str]:
        """The path of every value that a library is asked to obey."""
        for part in LIVE_PARTS:
            found = self.look(part)
            for name in found if isinstance(found, Mapping) else ():
                path = f"{part}.{name}"
                if path not in NOT_FOR_LIBRARIES and self.look(path) not in (None, []):
                    yield path


@dataclass(frozen=True, slots=True)
class Address:
    """Where a contract's provider is reached."""

    host: str
    port: int
    is_tls: bool
    path: str


def address(contract: Contract) -> Address | None:
    """The endpoint in its pieces; None, and a loss, where the settings name none that can be called."""
    try:
        found = urlsplit(str(contract.look("endpoint") or ""))
        port = found.port or (443 if found.scheme == "https" else 80)
    except ValueError:
        found, port = urlsplit(""), 0
    if not found.hostname or not port:
        if "endpoint" in contract.told:
            return None
        contract.told.add("endpoint")
        instead = "There is nothing to send calls to: it is left out."
        lost = Loss(f"{contract.pointer}.endpoint", "No endpoint in this environment", instead, Severity.WARNING)
        contract.losses.append(lost)
        return None
    return Address(found.hostname, port, found.scheme == "https", found.path.rstrip("/"))


def _briefly(name: str, value: Any) -> str:
    """`50 %` needs its name, `900 per minute` does not."""
    text = labels.setting(name, value)
    return text if " per " in text else f"{labels.field(name).lower()} {text}"


def contracts(settings: Settings) -> list[Contract]:
    """The contracts of a settings document, by name."""
    return [Contract(name, each) for name, each in sorted((settings.get("contracts") or {}).items())]


def speaking(settings: Settings, library: str, speaks: Callable[[Contract], bool]) -> tuple[list[Contract], list[Loss]]:
    """The contracts a library can carry, and a loss for each it cannot."""
    found = contracts(settings)
    left = [
        Loss(each.pointer, labels.choice(each.protocol), f"{library} does not carry it.", Severity.WARNING)
        for each in found
        if not speaks(each)
    ]
    return [each for each in found if speaks(each)], left


def besides(settings: Settings) -> list[Loss]:
    """What stands beside the contracts, which no library of this kind knows."""
    losses = []
    if topics := settings.get("topics"):
        said = f"{len(topics)} topic{'s' if len(topics) > 1 else ''}"
        losses.append(Loss("topics", said, "Your code reads them from the settings.", Severity.HINT))
    if settings.get("tracing"):
        losses.append(Loss("tracing", "Headers and sampling", "Your tracer is told of them.", Severity.HINT))
    return losses


def rendered(text: str, *losses: list[Loss]) -> Rendering:
    """A rendering with its losses, the gravest first."""
    told = [loss for each in losses for loss in each]
    return Rendering(text, tuple(sorted(told, key=lambda each: WEIGHT.index(each.severity))))
