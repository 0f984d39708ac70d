"""Which retries may carry a call out twice."""

import pytest

from registry.record.policy import Retry
from registry.rules.retry import _retries_after_doubt


@pytest.mark.parametrize(
    ("retry", "doubtful"),
    [
        ({"max_retries": 1, "retry_on_statuses": (500,), "retry_on_network_errors": False}, True),
        ({"max_retries": 1, "retry_on_statuses": (429, 500), "retry_on_network_errors": False}, True),
        ({"max_retries": 1, "retry_on_statuses": (429,), "retry_on_network_errors": False}, False),
        ({"max_retries": 1, "retry_on_statuses": (429,), "retry_on_network_errors": True}, True),
        ({"max_retries": 0, "retry_on_statuses": (500,)}, False),
    ],
)
def test_only_a_plain_refusal_leaves_no_doubt(retry: dict[str, object], doubtful: bool) -> None:
    assert _retries_after_doubt(Retry.model_validate(retry)) is doubtful
