"""What must be stated, by the integration's type and its criticality. The table below is the whole of it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from ..record import DesignRecord, labels
from ..record.base import Part
from ..record.consistency import Consistency
from ..record.contracts import Authentication, Contract, Definition, Operation
from ..record.deduplication import Deduplication
from ..record.events import Event
from ..record.findings import Severity
from ..record.monitoring import AlertRoute, Metric, Monitoring, Tracing
from ..record.ordering import Ordering
from ..record.overview import Overview
from ..record.parties import Party
from ..record.policy import CircuitBreaker, RateLimit, Retry, Timeouts
from ..record.saga import SagaStep
from ..record.sla import ServiceLevels
from ..record.testing import Pact, Scenario, Testing
from ..record.topics import Topic
from .base import Place, Rule, Said, add, rule

CRITICALITIES = ("critical", "high", "medium", "low")
TYPES = {"synchronous": "S", "asynchronous": "A", "bidirectional": "B", "file_based": "F"}
CALLS = ("rest", "grpc", "graphql")
"""Protocols with a call and an answer, which need all four policies."""
_SEVERITIES = {"E": Severity.ERROR, "W": Severity.WARNING, "H": Severity.HINT}


def _always(place: Place[Part]) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Needed:
    """One line of the table: which fields, for which types, and how bad their absence is by criticality."""

    code: str
    part: type[Part]
    fields: tuple[str, ...]
    types: str
    """The types that need it: S synchronous, A asynchronous, B bidirectional, F file-based."""
    levels: str
    """E error, W warning, H hint, - nothing: for critical, high, medium, low."""
    why: str
    only: Callable[[Place[Part]], bool] = _always
    """Where it applies; the function's docstring says so on the help page."""


def _is_call(place: Place[Part]) -> bool:
    """contracts over REST, gRPC or GraphQL"""
    return place.contract.protocol in CALLS


def _over_http(place: Place[Part]) -> bool:
    return place.contract.protocol in ("rest", "graphql")


def _has_token_endpoint(place: Place[Part]) -> bool:
    """contracts with OAuth 2 client credentials"""
    return place.contract.authentication.type == "oauth2_client_credentials"


def _has_secret(place: Place[Part]) -> bool:
    """contracts with a credential"""
    return place.contract.authentication.type not in (None, "none")


def _retries(place: Place[Part]) -> bool:
    """calls that are retried"""
    return isinstance(place.part, Retry) and bool(place.part.max_retries) and _is_call(place)


def _retries_over_http(place: Place[Part]) -> bool:
    """calls over HTTP that are retried"""
    return _retries(place) and _over_http(place)


def _of_protocol(*protocols: str) -> Callable[[Place[Part]], bool]:
    def speaks(place: Place[Part]) -> bool:
        return place.contract.protocol in protocols

    speaks.__doc__ = f"contracts over {' or '.join(map(labels.choice, protocols))}"
    return speaks


def _takes_no_dead_letters(place: Place[Part]) -> bool:
    """topics that are not themselves for dead letters"""
    targets = {topic.dead_letter for topic in place.record.topics} | {place.record.topology.dead_letter_queue}
    return isinstance(place.part, Topic) and place.part.name not in targets


def _is_partitioned(place: Place[Part]) -> bool:
    """topics, not queues"""
    return isinstance(place.part, Topic) and place.part.kind == "topic"


def _deduplicates(place: Place[Part]) -> bool:
    """integrations that deduplicate"""
    return isinstance(place.part, Deduplication) and place.part.strategy not in (None, "none")


def _alerts(place: Place[Part]) -> bool:
    """metrics that alert"""
    return isinstance(place.part, Metric) and place.part.condition is not None


def _is_followed(place: Place[Part]) -> bool:
    """critical and high integrations, and others that trace"""
    return place.record.overview.criticality in CRITICALITIES[:2] or bool(place.record.monitoring.tracing.headers)


def _beyond_sockets(place: Place[Part]) -> bool:
    """integrations that are more than a WebSocket, whose frames say the same"""
    protocols = {contract.protocol for contract in place.record.contracts}
    return protocols != {"websocket"} or bool(place.record.topics or place.record.events)


# One line of the table stays one line.
# ruff: noqa: E501
# fmt: off
TABLE = (
    # code                       part            fields                                          types   critical..low
    Needed("type-missing",       Overview,       ("type",),                                      "SABF", "EEEE",
           "The type decides what else this record must say: calls need timeouts and retries, events need topics and order."),
    Needed("criticality-missing", Overview,      ("criticality",),                               "SABF", "EEEE",
           "Criticality decides how complete the record must be. Until it is chosen, only what every integration needs is asked for."),
    Needed("purpose-missing",    Overview,       ("purpose",),                                   "SABF", "EEEE",
           "A reader who does not know what the business gets cannot judge whether the rest is right."),
    Needed("project-missing",    Overview,       ("project",),                                   "SABF", "WHHH",
           "The project says who pays and whom to ask about plans."),
    Needed("impact-missing",     Overview,       ("impact_if_down",),                            "SABF", "EEWH",
           "At three in the morning this line decides whether somebody is woken. Name what stops, for whom, and what it costs an hour."),
    Needed("rto-missing",        ServiceLevels,  ("rto",),                                       "SABF", "EEWH",
           "Without an acceptable downtime nobody can say whether a recovery was fast enough, or plan for one."),
    Needed("rpo-missing",        ServiceLevels,  ("rpo",),                                       "SABF", "EEWH",
           "The largest acceptable loss of data decides how topics are kept and replicated and how a backlog is replayed."),
    Needed("availability-missing", ServiceLevels, ("availability_percent",),                     "SABF", "EWH-",
           "99.9 percent allows 43 minutes of downtime a month, 99.99 percent four. Alerts and staffing follow from this number."),
    Needed("latency-target-missing", ServiceLevels, ("latency_p99_ms",),                         "SAB",  "EWH-",
           "Timeouts and latency alerts are derived from the latency both sides promise. Without it they are guesses."),
    Needed("error-target-missing", ServiceLevels, ("error_rate_percent",),                       "SABF", "WWH-",
           "The error alert and the breaker both need to know how many failures are still normal."),
    Needed("support-hours-missing", ServiceLevels, ("support_hours",),                           "SABF", "EWH-",
           "An alert outside support hours that nobody answers is worse than none, for everyone believes it was answered."),
    Needed("party-incomplete",   Party,          ("role", "system", "team"),                     "SABF", "EEEE",
           "A party signs this record. Without its role, system and team nobody knows who must."),
    Needed("contact-missing",    Party,          ("contact",),                                   "SABF", "EEWW",
           "When it fails, the other side must know where to call."),
    Needed("contract-missing",   DesignRecord,   ("contracts",),                                 "SBF",  "EEEE",
           "Calls and files need a contract: what is asked for, how, and with which settings. Services are served nothing without one."),
    Needed("events-missing",     DesignRecord,   ("events",),                                    "AB",   "EEWW",
           "An asynchronous integration is its events. A consumer cannot be written against an event nobody described.", _beyond_sockets),
    Needed("topics-missing",     DesignRecord,   ("topics",),                                    "AB",   "EEEE",
           "Events travel on a topic or queue. Its name, readers, retention and dead-letter destination are part of the agreement.", _beyond_sockets),
    Needed("ordering-missing",   DesignRecord,   ("ordering",),                                  "AB",   "EEWW",
           "Readers assume an order whether one is promised or not. Say strict, best effort or none for each topic.", _beyond_sockets),
    Needed("deduplication-missing", Deduplication, ("strategy",),                                "AB",   "EEEW",
           "Brokers deliver at least once, so every message may come twice. Say how the second one is recognised."),
    Needed("deduplication-incomplete", Deduplication, ("store", "window"),                       "SABF", "EEWH",
           "Handled ids must be kept somewhere and for some time. A duplicate that comes after that time is handled again.", _deduplicates),
    Needed("consistency-missing", Consistency,   ("model",),                                     "AB",   "EWHH",
           "Between the event and its effect the two sides differ. Readers must know whether they may see that."),
    Needed("contract-incomplete", Contract,      ("name", "protocol", "consumer", "provider"),   "SABF", "EEEE",
           "Settings are served under the contract's name to its consumer. All four belong to the least a contract can say."),
    Needed("idempotency-unstated", Contract,     ("idempotent",),                                "SABF", "EEWH",
           "Whether a call may be repeated decides whether it may be retried at all."),
    Needed("authentication-missing", Authentication, ("type",),                                  "SABF", "EEEW",
           "A consumer cannot be written without knowing how to prove who it is. If nothing is needed, choose none: then it was decided."),
    Needed("token-endpoint-missing", Authentication, ("token_endpoint",),                        "SABF", "EEEE",
           "OAuth 2 client credentials are exchanged for a token at an endpoint. Without its address no token can be had.", _has_token_endpoint),
    Needed("rotation-missing",   Authentication, ("rotation_period", "rotation_process"),        "SABF", "EWHH",
           "A credential nobody plans to change is changed in a hurry after a leak, and then the integration is down.", _has_secret),
    Needed("base-url-missing",   Contract,       ("base_urls",),                                 "SABF", "EEWW",
           "The consumer must know where to call in each environment.", _of_protocol("rest", "graphql", "grpc", "websocket")),
    Needed("error-table-missing", Contract,      ("errors",),                                    "SABF", "EEWW",
           "The consumer's library executes this table. Without it, every team invents its own answer to a 409.", _is_call),
    Needed("load-unstated",      Contract,       ("expected_requests_per_minute",),              "SABF", "WWHH",
           "Breaker and rate limits can be checked only against the traffic expected: a breaker that needs 100 calls in 10 seconds never opens at 60 calls a minute.", _is_call),
    Needed("operations-missing", Contract,       ("operations",),                                "SABF", "EEWW",
           "A REST contract without operations says nothing about what can be called.", _of_protocol("rest")),
    Needed("operation-incomplete", Operation,    ("name", "method", "path"),                     "SABF", "EEEE",
           "An operation is called by its method and its path, and named in tests and diagrams.", _of_protocol("rest")),
    Needed("proto-missing",      Definition,     ("proto",),                                     "SABF", "EEWW",
           "A gRPC client is generated from the .proto source. It is the contract.", _of_protocol("grpc")),
    Needed("graphql-missing",    Definition,     ("graphql",),                                   "SABF", "EEWW",
           "GraphQL consumers depend on the exact types and queries they use.", _of_protocol("graphql")),
    Needed("frames-missing",     Definition,     ("frames",),                                    "SABF", "EEWW",
           "A WebSocket has no methods: the frames each side may send are the whole agreement.", _of_protocol("websocket")),
    Needed("amqp-incomplete",    Definition,     ("exchange", "routing_key"),                    "SABF", "EEWW",
           "A queue receives only what is published to its exchange with a routing key it is bound to.", _of_protocol("amqp")),
    Needed("file-incomplete",    Definition,     ("file_pattern", "file_format", "location", "schedule"), "SABF", "EEEW",
           "A file is found by its name and place, read by its format, and missed by its schedule.", _of_protocol("file")),
    Needed("retry-missing",      Retry,          ("max_retries", "attempt_timeout_ms"),          "SABF", "EEEW",
           "Libraries have defaults of their own, from none to three retries. If the design does not say, each service does something else.", _is_call),
    Needed("retry-incomplete",   Retry,          ("retry_on_network_errors", "strategy", "jitter"), "SABF", "EEWW",
           "How often alone is not a retry policy: say after what, and how the waits grow.", _retries),
    Needed("retry-statuses-missing", Retry,      ("retry_on_statuses",),                         "SABF", "EEWW",
           "Over HTTP a retry policy names the statuses after which a call is tried again. Without them every library takes its own.", _retries_over_http),
    Needed("breaker-missing",    CircuitBreaker, ("failure_percent", "window_seconds", "open_seconds", "half_open_calls"), "SABF", "EEEW",
           "When the provider is down, a breaker keeps its consumers' threads free and gives it room to recover.", _is_call),
    Needed("breaker-alert-missing", CircuitBreaker, ("alert_after_seconds",),                    "SABF", "EWHH",
           "An open breaker means the integration is down for its users. Say after how long somebody hears of it.", _is_call),
    Needed("rate-limit-missing", RateLimit,      ("requests_per_minute", "requests_per_minute_action"), "SABF", "EEEW",
           "Without a limit one consumer's mistake becomes everyone's outage.", _is_call),
    Needed("limits-incomplete",  RateLimit,      ("burst_per_second", "burst_action", "daily_quota", "daily_action"), "SABF", "WHHH",
           "A limit per minute alone allows the whole minute's calls in one second.", _is_call),
    Needed("timeouts-missing",   Timeouts,       ("connect_ms", "read_ms", "total_ms"),          "SABF", "EEEW",
           "Without timeouts a slow provider stops its consumers too. Many clients wait for ever unless told otherwise.", _is_call),
    Needed("event-incomplete",   Event,          ("name", "type", "source", "published_by"),     "SABF", "EEEE",
           "CloudEvents requires a type and a source; consumers subscribe by them, and the publisher answers for them."),
    Needed("event-consumers-missing", Event,     ("consumed_by",),                               "SABF", "WWHH",
           "Whoever changes an event must know whom it breaks."),
    Needed("event-schema-missing", Event,        ("data_schema",),                               "SABF", "EEWH",
           "Without a schema a consumer learns of a changed field in production."),
    Needed("event-example-missing", Event,       ("example",),                                   "SABF", "EEWH",
           "A whole example answers questions a schema does not, and it is checked against the schema here."),
    Needed("topic-incomplete",   Topic,          ("name", "kind", "producer"),                   "SABF", "EEEE",
           "A topic is known by its name; its kind decides whether one or all readers get a message; its producer answers for it."),
    Needed("retention-missing",  Topic,          ("retention",),                                 "SABF", "EEWW",
           "What is kept for a day cannot be replayed after a long weekend. Deduplication and recovery depend on it."),
    Needed("readers-missing",    Topic,          ("consumer_groups",),                           "SABF", "EEWH",
           "Lag is measured and messages are redriven per consumer group.", _takes_no_dead_letters),
    Needed("partitions-missing", Topic,          ("partitions",),                                "SABF", "EEWH",
           "Partitions bound how many readers can work at once, and adding some later breaks the order of keys.", _is_partitioned),
    Needed("dead-letter-missing", Topic,         ("dead_letter",),                               "SABF", "EEWW",
           "A message that cannot be processed must go somewhere. Otherwise it blocks its partition or is lost.", _takes_no_dead_letters),
    Needed("broker-unstated",    Topic,          ("broker",),                                    "SABF", "WWHH",
           "Dead letters are browsed and redriven on a broker. Without its name nobody knows which."),
    Needed("ordering-incomplete", Ordering,      ("topic", "guarantee"),                         "SABF", "EEEE",
           "A promise of order is about one topic, and is strict, best effort or none."),
    Needed("compensation-missing", SagaStep,     ("compensation",),                              "SABF", "EEWW",
           "When a later step fails, this one must be undone. If nothing has to be undone, write “none needed”: then it was thought of."),
    Needed("step-incomplete",    SagaStep,       ("name", "service", "action"),                  "SABF", "EEEE",
           "A step is something a service does. Whoever reads the diagram must see which and what."),
    Needed("pact-missing",       Pact,           ("broker_url", "consumer", "provider"),         "SB",   "WWHH",
           "A contract test tells a provider before it deploys that it is about to break a consumer."),
    Needed("test-environments-missing", Testing, ("environments",),                              "SABF", "EWHH",
           "A design that is never exercised is a guess. Say where it is tested and what starts the tests."),
    Needed("scenarios-missing",  Testing,        ("scenarios",),                                 "SABF", "EEWH",
           "Scenarios say what must come out on the happy path and when something fails."),
    Needed("scenario-incomplete", Scenario,      ("kind", "expected"),                           "SABF", "EEWW",
           "A scenario without an expected outcome cannot fail, so it tests nothing."),
    Needed("scenario-unverified", Scenario,      ("how_verified",),                              "SABF", "WHHH",
           "Say how anyone can tell that this was tried: by which tests, where and how often."),
    Needed("metrics-missing",    Monitoring,     ("metrics",),                                   "SABF", "EEWH",
           "What is not measured is noticed by customers first."),
    Needed("metric-incomplete",  Metric,         ("name", "type"),                               "SABF", "EEEE",
           "A metric is found by its name and read by its type."),
    Needed("alert-incomplete",   Metric,         ("threshold", "lasting", "severity"),           "SABF", "EEWW",
           "An alert fires beyond a threshold that lasts for a while, and its severity decides who is woken.", _alerts),
    Needed("tracing-missing",    Tracing,        ("headers",),                                   "SABF", "EWHH",
           "Without a header passed on by both sides, one failing order cannot be followed across them."),
    Needed("sampling-missing",   Tracing,        ("sampling",),                                  "SABF", "WWHH",
           "How many calls are traced decides whether the failing one was.", _is_followed),
    Needed("dashboard-missing",  Tracing,        ("tool", "dashboard_url"),                      "SABF", "WHHH",
           "The person on call should have one link to open first.", _is_followed),
    Needed("alert-routes-missing", Monitoring,   ("alert_routes",),                              "SABF", "EEWH",
           "An alert that reaches nobody is a log line."),
    Needed("alert-route-incomplete", AlertRoute, ("condition", "channel", "target"),             "SABF", "EEEE",
           "A route says what happened, how the alert travels and where to."),
    Needed("escalation-missing", AlertRoute,     ("escalation",),                                "SABF", "EWHH",
           "The first person may be asleep. Say who acts, within which time, and who is next."),
)
# fmt: on


def level(needed: Needed, record: DesignRecord) -> Severity | None:
    """How bad it is that this record lacks it. While type or criticality are open, only what every record needs counts."""
    kind, criticality = record.overview.type, record.overview.criticality
    if (TYPES[kind] not in needed.types) if kind else (needed.types != "SABF"):
        return None
    return _SEVERITIES.get(needed.levels[CRITICALITIES.index(criticality or "low")])


def _missing(needed: Needed, place: Place[Part]) -> Said:
    severity = level(needed, place.record)
    if severity is None or not needed.only(place):
        return
    for name in needed.fields:
        if _is_absent(getattr(place.part, name)):
            yield name, _absence(needed.part, name), _mend(needed.part, name), severity


def _is_absent(value: object) -> bool:
    return value is None or value == ()


def _absence(part: type[Part], name: str) -> str:
    is_list = part.model_fields[name].default == ()
    return f"Nothing is listed under {_title(part, name)}." if is_list else f"{_title(part, name)} is not stated."


def _title(part: type[Part], name: str) -> str:
    return part.model_fields[name].title or labels.field(name)


def _mend(part: type[Part], name: str) -> str:
    info = part.model_fields[name]
    help_text = (info.description or "").strip()
    example = (info.examples or [None])[0]
    return help_text if example is None else f"{help_text} For example: {_shown(example)}."


def _shown(example: object) -> str:
    match example:
        case bool():
            return "yes" if example else "no"
        case list():
            return ", ".join(map(str, example))
        case _:
            return str(example).rstrip(".")


def _help(needed: Needed) -> str:
    words = {"E": "an error", "W": "a warning", "H": "a hint", "-": "fine"}
    levels = ", ".join(f"{words[letter]} for {name}" for name, letter in zip(CRITICALITIES, needed.levels, strict=True))
    types = [labels.choice(name).lower() for name, letter in TYPES.items() if letter in needed.types]
    asked = "every type of integration" if needed.types == "SABF" else f"integrations that are {' or '.join(types)}"
    where = f", in {needed.only.__doc__}" if needed.only.__doc__ else ""
    fields = " ".join(f"{_title(needed.part, name)}: {_mend(needed.part, name)}" for name in needed.fields)
    return f"{needed.why}\n\nAsked of {asked}{where}. Leaving it out is {levels} integrations.\n\n{fields}"


for _needed in TABLE:
    _worst = min((_SEVERITIES[each] for each in _needed.levels if each in _SEVERITIES), key=list(Severity).index)
    _names = " and ".join(_title(_needed.part, name).lower() for name in _needed.fields[:2])
    _title_of = f"{_needed.part.TITLE}: {_names if len(_needed.fields) < 3 else 'something'} missing"
    add(
        Rule(_needed.code, _worst, _title_of, _help(_needed), _needed.part.__name__, partial(_missing, _needed)),
        _needed.part,
    )


@rule("side-missing", Severity.ERROR, "Consumer or provider missing", on=DesignRecord)
def side_missing(place: Place[DesignRecord]) -> Said:
    """An agreement has two sides, and the leads of both sign it.

    Bad: one party, order-service, as consumer. Good: order-service as consumer and payment-service as provider.

    Add a party with the missing role. A system that is both has two integrations, one in each direction.
    """
    roles = {party.role for party in place.record.parties}
    for role in ("consumer", "provider"):
        if role not in roles:
            yield "parties", f"No party is the {role}.", f"Add the {role}: its system, team and contact."
