""".NET's: NServiceBus with ServiceControl, MassTransit, Rebus."""

import re
from datetime import UTC, datetime

from .base import (
    LONGEST_STACK,
    LONGEST_TEXT,
    Death,
    Family,
    Fields,
    count,
    details,
    first_line,
    inner,
    is_wrapper,
    moment,
)

BUS, INFO = "NServiceBus.", "NServiceBus.ExceptionInfo."
_EXCEPTION = re.compile(r"\b([A-Za-z_][\w.+`]{0,200}Exception)(?: \([^)\n]{0,100}\))?: ", re.ASCII)
_WIRE_FORMAT = re.compile(r"(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d):(\d{6}) Z", re.ASCII)


def _nservicebus(of: Fields) -> Death:
    retries = count(of.value(f"{BUS}Retries"))
    return Death(
        error_class=inner(of.text(f"{INFO}ExceptionType"), of.text(f"{INFO}InnerExceptionType")),
        message=of.text(f"{INFO}Message"),
        origin=of.text(f"{BUS}FailedQ"),
        died_at=_wire_moment(of.text(f"{BUS}TimeOfFailure")),
        # These come after a first try; how often it tried at once before each of them is not told.
        attempts=count(retries + 1) if retries is not None else None,
        stack=of.text(f"{INFO}StackTrace", longest=LONGEST_STACK),
        consumer=of.text(f"{BUS}ProcessingEndpoint"),
        sent_at=_wire_moment(of.text(f"{BUS}TimeSent")),
        # Several are told, the most derived first, each with its assembly.
        event_type=of.text(f"{BUS}EnclosedMessageTypes").partition(";")[0],
        details=details(
            ("Thrown in", of.text(f"{INFO}Source")),
            ("Help", of.text(f"{INFO}HelpLink")),
            ("Machine", of.text(f"{BUS}ProcessingMachine")),
            ("Sent by", of.text(f"{BUS}OriginatingEndpoint")),
            ("Sent from machine", of.text(f"{BUS}OriginatingMachine")),
            ("Message id", of.text(f"{BUS}MessageId")),
            ("Correlation id", of.text(f"{BUS}CorrelationId")),
            ("Conversation id", of.text(f"{BUS}ConversationId")),
            ("Caused by message", of.text(f"{BUS}RelatedTo")),
            ("Intent", of.text(f"{BUS}MessageIntent")),
            ("Content type", of.text(f"{BUS}ContentType")),
        )
        | of.under(f"{INFO}Data.", "Data")
        | of.under("ServiceControl.", "ServiceControl"),
    )


def _masstransit(of: Fields) -> Death:
    told = [of.value("MT-Fault-RetryCount"), of.value("MT-Fault-RedeliveryCount", "MT-Redelivery-Count")]
    retries = [found for each in told if (found := count(each)) is not None]
    return Death(
        reason=of.text("MT-Reason"),
        error_class=of.text("MT-Fault-ExceptionType"),
        message=of.text("MT-Fault-Message"),
        origin=of.text("MT-Fault-InputAddress"),
        died_at=of.moment("MT-Fault-Timestamp"),
        # Retries come after a first try.
        attempts=count(sum(retries) + 1) if retries else None,
        stack=of.text("MT-Fault-StackTrace", longest=LONGEST_STACK),
        consumer=of.text("MT-Fault-ConsumerType"),
        event_type=of.text("MT-Fault-MessageType", "MT-MessageType").partition(";")[0],
        details=details(
            ("Original message id", of.text("MT-OriginalMessageId")),
            ("Faults are sent to", of.text("MT-Fault-Address")),
        )
        | of.under("MT-Host-", "Host"),
    )


def _rebus(of: Fields) -> Death:
    stack = of.text("rbs2-error-details", longest=LONGEST_STACK)
    name, said = _thrown(stack)
    return Death(
        error_class=name,
        message=said,
        origin=of.text("rbs2-source-queue"),
        attempts=count(of.value("rbs2-delivery-count")),
        stack=stack,
        sent_at=of.moment("rbs2-senttime"),
        event_type=of.text("rbs2-msg-type"),
    )


def _thrown(details: str) -> tuple[str, str]:
    """Class and message of the first error Rebus tells of that does not only wrap another."""
    told = first_line(details)
    for found in _EXCEPTION.finditer(details[:LONGEST_TEXT]):
        told = found[1], details[found.end() : found.end() + LONGEST_TEXT].partition("\n")[0].strip()
        if not is_wrapper(found[1]):
            break
    return told


def _wire_moment(told: str) -> datetime | None:
    """NServiceBus writes 2026-11-04 08:11:52:123456 Z."""
    found = _WIRE_FORMAT.fullmatch(told)
    if found is None:
        return moment(told)
    try:
        return datetime.fromisoformat(f"{found[1]}T{found[2]}.{found[3]}").replace(tzinfo=UTC)
    except ValueError:
        return None


FAMILIES = (
    Family(
        "NServiceBus",
        (
            *("nservicebus.exceptioninfo.", "nservicebus.failedq", "nservicebus.timeoffailure"),
            *("nservicebus.retries", "nservicebus.retries.timestamp", "nservicebus.flretries"),
            *("servicecontrol.", "$.diagnostics.", "nservicebus.processingendpoint", "nservicebus.processingmachine"),
        ),
        _nservicebus,
        signs=("nservicebus.exceptioninfo.", "nservicebus.failedq", "nservicebus.timeoffailure"),
    ),
    # Where faults are sent (MT-Fault-Address) is the sender's word, not the fault's.
    Family(
        "MassTransit",
        (
            *("mt-reason", "mt-redelivery-count", "mt-fault-exceptiontype", "mt-fault-message", "mt-fault-stacktrace"),
            *("mt-fault-timestamp", "mt-fault-inputaddress", "mt-fault-consumertype", "mt-fault-messagetype"),
            *("mt-fault-retrycount", "mt-fault-redeliverycount", "mt-host-"),
        ),
        _masstransit,
        signs=("mt-reason", "mt-redelivery-count", "mt-fault-exceptiontype", "mt-fault-message", "mt-fault-retrycount"),
    ),
    Family("Rebus", ("rbs2-error-details", "rbs2-source-queue", "rbs2-delivery-count"), _rebus),
)
