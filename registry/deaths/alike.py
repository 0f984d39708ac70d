"""What makes two deaths alike: the same error, with all that differs from case to case left out."""

import hashlib
import re

LONGEST = 300
LOOKED_AT = 2_000
"""Characters of a message that count; what comes after them seldom tells errors apart."""
_DIFFERENT = re.compile(
    r"""
      (?P<url>   \b[a-z][a-z0-9+.-]{1,10}://[^\s"'<>]{1,500} )
    | (?P<email> [\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,5} )
    | (?P<uuid>  \b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b )
    | (?P<time>  \b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?)? )
    | (?P<ip>    \b\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5})?\b )
    | (?P<hex>   \b(?:0x[0-9a-f]{1,64}|(?=[0-9a-f]{0,63}\d)(?=[0-9a-f]{0,63}[a-f])[0-9a-f]{8,64})\b )
    | (?P<text>  "[^"]{0,500}" | (?<!\w)'[^']{0,500}' | „[^“]{0,500}“ | “[^”]{0,500}” )
    | (?P<id>    \b[A-Za-z]{1,20}[_-](?=[A-Za-z0-9]{0,40}\d)[A-Za-z0-9]{4,40}\b )
    | (?P<key>   \b(?=[A-Za-z]{0,63}\d)(?=\d{0,63}[A-Za-z])[A-Za-z0-9]{20,64}\b )
    | (?P<n>     [+-]?\d+(?:[.,]\d+)* )
    """,
    re.VERBOSE | re.IGNORECASE,
)


def normalised(message: str) -> str:
    """The message with <uuid>, <n>, <time> and the like for what differs from case to case. Bounded.

    What is normalised stays as it is if done again: what was replaced may have hidden more beside it.
    """
    kept, found = "", _without_cases(message[:LOOKED_AT])
    while found != kept:
        kept, found = found, _without_cases(found)
    return kept


def group_key(error_class: str, reason: str, message: str) -> str:
    """The same for deaths that are alike: by class, or the reason where there is none, and the normalised message."""
    told = "\0".join((error_class or normalised(reason), normalised(message)))
    return hashlib.sha256(told.encode(errors="surrogatepass")).hexdigest()[:32]


def _without_cases(message: str) -> str:
    line = " ".join(message.split())
    return _DIFFERENT.sub(lambda found: f"<{found.lastgroup}>", line)[:LONGEST].strip()
