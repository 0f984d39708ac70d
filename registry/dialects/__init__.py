"""Live settings as the configuration of libraries and proxies, with an account of what each cannot say. Pure."""

from .base import Dialect, Loss, Rendering, Settings
from .dotnet import DOTNET
from .envoy import ENVOY
from .gateway_api import GATEWAY_API
from .grpc import GRPC
from .istio import ISTIO
from .kong import KONG
from .nginx import NGINX
from .opossum import OPOSSUM
from .resilience4j import RESILIENCE4J
from .smallrye import SMALLRYE
from .urllib3 import URLLIB3

__all__ = ["DIALECTS", "Dialect", "Loss", "Rendering", "Settings", "find"]

DIALECTS = (
    RESILIENCE4J, DOTNET, OPOSSUM, URLLIB3, SMALLRYE, GRPC, ENVOY, ISTIO, GATEWAY_API, NGINX, KONG,
)  # fmt: skip


def find(name: str) -> Dialect | None:
    """The dialect of that name."""
    return next((each for each in DIALECTS if each.name == name), None)
