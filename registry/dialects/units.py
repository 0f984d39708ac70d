"""Lengths of time in the ways configurations write them. All take whole milliseconds."""


def seconds(ms: int) -> str:
    """`0.2s`: protobuf's JSON, gRPC, Istio."""
    whole, rest = divmod(ms, 1_000)
    return f"{whole}.{rest:03}".rstrip("0").rstrip(".") + "s"


def compound(ms: int) -> str:
    """`1m30s`: Kubernetes' Gateway API, up to four units of at most five digits."""
    written = ""
    for unit, length in (("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)):
        count, ms = divmod(ms, length)
        written += f"{count}{unit}" if count else ""
    return written or "0s"


def plain(ms: int) -> str:
    """`30s` or `200ms`: Spring Boot, nginx."""
    return f"{ms // 1_000}s" if ms and ms % 1_000 == 0 else f"{ms}ms"


def timespan(ms: int) -> str:
    """`00:00:00.2`: .NET."""
    days, ms = divmod(ms, 86_400_000)
    hours, ms = divmod(ms, 3_600_000)
    minutes, ms = divmod(ms, 60_000)
    whole, rest = divmod(ms, 1_000)
    fraction = f".{rest:03}".rstrip("0") if rest else ""
    return f"{f'{days}.' if days else ''}{hours:02}:{minutes:02}:{whole:02}{fraction}"
