"""What a broker's own word for a death means, told to whoever has not read its manual."""

MEANINGS = {
    "rejected": "A consumer refused it, and did not want it again.",
    "expired": "Nobody took it before its time was over.",
    "maxlen": "The queue was full and it was the oldest.",
    "delivery_limit": "It was handed out as often as its queue allows, and came back each time.",
    "headersizeexceeded": "Its headers are larger than Service Bus allows.",
    "ttlexpiredexception": "Nobody took it before its time was over.",
    "session id is null": "It names no session, and its queue or subscription takes only messages of one.",
    "maxtransferhopcountexceeded": "It was forwarded from queue to queue more often than Service Bus allows.",
    "maxdeliverycountexceeded": "It was handed out as often as its queue allows, and nobody finished it.",
}


def meaning(reason: str) -> str:
    """In plain words; "" where it is no broker's word."""
    return MEANINGS.get(reason.strip().rstrip(".").lower(), "")
