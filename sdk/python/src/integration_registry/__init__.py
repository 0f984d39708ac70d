"""Clients and consumers that obey the live settings of an integration registry.

registry = Registry("https://registry.example.com", token, cache_dir="/var/lib/orders/settings")
payments = registry.integration("orders-to-payments").http("payments-api")
payments.post("payments", json={...})
"""

from .calls import Verdict
from .credentials import BearerToken, Credentials
from .errors import CircuitOpen, LimitReached, NoSettings, OutOfTime, PolicyError
from .events import forget, process_once, process_once_async, schema
from .registry import Integration, Registry
from .settings import Settings, Unusable
from .trace import tracing
from .transport import VERDICT
from .version import VERSION as __version__

__all__ = [
    "VERDICT",
    "BearerToken",
    "CircuitOpen",
    "Credentials",
    "Integration",
    "LimitReached",
    "NoSettings",
    "OutOfTime",
    "PolicyError",
    "Registry",
    "Settings",
    "Unusable",
    "Verdict",
    "__version__",
    "forget",
    "process_once",
    "process_once_async",
    "schema",
    "tracing",
]
