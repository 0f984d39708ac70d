"""Dead letters that were sent again and are done: the registry hears of each, however often it does not listen."""

from conftest import Connect, wait_until
from sdk_contract.registry import INTEGRATION, Registry


def test_what_is_done_is_told(registry: Registry, connect: Connect) -> None:
    registry.publish(1)
    integration = connect().integration(INTEGRATION)
    for header in ("17", b"18", None, "", "x", "9" * 40):
        integration.resolved(header)
    wait_until(lambda: registry.resolved)
    assert registry.resolved == [{"integration": INTEGRATION, "attempts": [17, 18]}]


def test_what_was_not_heard_is_told_again(registry: Registry, connect: Connect) -> None:
    registry.publish(1)
    registry.resolved_status = 500
    integration = connect().integration(INTEGRATION)
    integration.resolved(17)
    wait_until(lambda: registry.resolved)
    registry.resolved_status = 200
    integration.resolved(18)
    wait_until(lambda: {"integration": INTEGRATION, "attempts": [17, 18]} in registry.resolved, seconds=6)
