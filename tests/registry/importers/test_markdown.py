"""A filled-in design document is read as people fill it in."""

from registry.importers import Imported, read

from .corpus import imported, left, own


def filled() -> Imported:
    return imported("filled.md")


def test_the_templates_own_words_are_understood() -> None:
    document = filled().document
    [contract] = document["contracts"]
    assert document["sla"] == {"rto": "PT15M"}
    assert document["topology"] == {
        "consumer_service": "OrderService",
        "queue": "orders.events",
        "provider_store": "payments-db",
        "alert_system": "PagerDuty",
    }
    assert [each.get("action") for each in contract["errors"]] == [
        "fix_request",
        "refresh_credentials_and_retry_once",
        "alert_and_stop",
        "check_resource",
        "skip_as_duplicate",
        "escalate",
        "back_off_retry_after",
        "retry_with_backoff",
        "fail_fast",
        None,
    ]
    assert contract["policy"] == {
        "retry": {
            "max_retries": 3,
            "retry_on_statuses": [500, 502, 503, 429],
            "retry_on_network_errors": True,
            "strategy": "exponential",
            "base_delay_ms": 200,
            "multiplier": "2",
            "jitter": "full",
            "attempt_timeout_ms": 2_000,
        },
        "circuit_breaker": {
            "failure_percent": 50,
            "window_seconds": 30,
            "open_seconds": 30,
            "half_open_calls": 1,
            "alert_after_seconds": 20,
        },
        "rate_limit": {
            "requests_per_minute": 1_200,
            "requests_per_minute_action": "reject_with_retry_after",
            "burst_per_second": 20,
            "burst_action": "reject_immediately",
            "daily_quota": 500_000,
            "daily_action": "reject_and_contact_support",
        },
        "timeouts": {"connect_ms": 500, "total_ms": 10_000},
    }
    assert contract["operations"] == [
        {
            "method": "POST",
            "path": "/payments",
            "headers": [
                {"name": "Content-Type", "value": "application/json"},
                {"name": "X-Request-ID", "value": "a UUID"},
            ],
            "request_example": '{"orderId": "o-1"}',
            "responses": [{"status": 200, "body_example": '{"paymentId": "p-1"}'}],
        }
    ]


def test_alerts_and_tracing_are_read_from_their_sentences() -> None:
    monitoring = filled().document["monitoring"]
    assert monitoring["metrics"][1:] == [
        {
            "name": "error_rate",
            "type": "gauge",
            "condition": "above",
            "threshold": "5",
            "unit": "%",
            "lasting": "PT5M",
            "severity": "high",
        },
        {"name": "circuit_open", "type": "gauge", "condition": "equals", "threshold": "1", "severity": "critical"},
    ]
    assert monitoring["tracing"]["headers"] == ["X-Request-ID", "traceparent"]
    assert [(each["channel"], each["target"]) for each in monitoring["alert_routes"]] == [
        ("pagerduty", "checkout"),
        ("slack", "#checkout"),
    ]


def test_what_is_not_understood_is_listed_line_by_line() -> None:
    assert left(filled()) == [
        (18, "Criticality was not understood: Critical | High | Medium | Low"),
        (21, "Max data loss is still a placeholder: {{RPO}}"),
        (40, "Not understood: The gateway is shared with the other teams."),
        (57, "This row is not known here: Colour | blue"),
        (92, "Which action this means was not understood; kept as a note: Laugh"),
        (141, "Topic/queue is still a placeholder: {{TOPIC_NAME_2}}"),
        (141, "Partitions is still a placeholder: {{N}}"),
        (141, "Retention is still a placeholder: {{RETENTION}}"),
        (141, "Consumers is still a placeholder: {{CONSUMER_GROUPS}}"),
        (141, "Producer is still a placeholder: {{PRODUCER_SERVICE}}"),
        (193, "This heading is not one of the template's: Costs"),
        (195, "Not understood: Nothing yet."),
    ]


def test_no_line_is_passed_over_in_silence() -> None:
    found = filled()
    noted = {note.line for note in (*found.understood, *found.left_out)}
    inside, silent = False, []
    for number, line in enumerate(own("filled.md").split("\n"), 1):
        fence = line.startswith("```")
        if line.strip() and not inside and not fence and not line.startswith("|--") and number not in noted:
            silent.append((number, line))
        inside ^= fence
    assert silent == []


def test_numbered_headings_are_known_without_their_signs() -> None:
    bare = "\n".join(
        line.lstrip("# ") if line[:4] in ("## 1", "### ") else line for line in own("filled.md").split("\n")
    )
    assert read(bare, "a.md").document["topics"] == filled().document["topics"]


def test_windows_line_ends_make_no_difference() -> None:
    assert read(own("filled.md").replace("\n", "\r\n"), "a.md").document == filled().document


def test_a_contract_whose_name_is_still_a_placeholder_has_none() -> None:
    found = read("## 3. Service Contracts\n\n### 3.1 Integration: {{NAME}}\n\n**Protocol:** gRPC", "a.md")
    assert found.document == {"contracts": [{"protocol": "grpc"}]}
    assert left(found) == [(3, "Integration is still a placeholder: {{NAME}}")]


def test_the_templates_own_steps_name_the_strategy() -> None:
    step = "1. Check processed_events table: SELECT 1 WHERE event_id = $1"
    found = read(f"### 4.4 Idempotency Strategy\n\nFor each consumed event:\n{step}\n5. ACK message", "a.md")
    assert (found.document, left(found)) == ({"deduplication": {"strategy": "processed_events"}}, [])
