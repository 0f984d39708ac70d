"""Entity tags as RFC 9110 compares them."""

from django.utils.http import parse_etags


def unchanged(if_none_match: str | None, etag: str) -> bool:
    """Whether the caller holds this representation already: a list, `*`, weak comparison."""
    if not if_none_match:
        return False
    held = parse_etags(if_none_match)
    return held == ["*"] or opaque(etag) in map(opaque, held)


def strongly_matching(if_match: str, etag: str) -> str:
    """The tag of `if_match` that is `etag`, else the first one named; a weak tag never matches."""
    named = [each for each in parse_etags(if_match) if not each.startswith("W/")]
    return etag if etag in named else next(iter(named), "")


def opaque(etag: str) -> str:
    return etag.removeprefix("W/")
