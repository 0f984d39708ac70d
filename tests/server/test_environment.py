"""What a variable means, and what is said when it means nothing."""

from pathlib import Path

import pytest

from server.environment import (
    BadEnvironment,
    RedisAddress,
    database,
    env,
    flag,
    kept_secret,
    mail,
    number,
    redis_address,
    words,
)


def test_a_variable_wins_over_its_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("from the file\n")
    monkeypatch.setenv("THING_FILE", str(tmp_path / "secret"))

    assert env("THING") == "from the file"
    monkeypatch.setenv("THING", "from the variable")
    assert env("THING") == "from the variable"


def test_a_missing_variable_is_named_with_its_mend() -> None:
    with pytest.raises(BadEnvironment, match="Set NOT_THERE, or NOT_THERE_FILE"):
        env("NOT_THERE")


def test_a_file_that_cannot_be_read_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THING_FILE", "/nowhere/secret")
    with pytest.raises(BadEnvironment, match="THING_FILE names /nowhere/secret, which cannot be read: No such file"):
        env("THING")


@pytest.mark.parametrize(("text", "meaning"), [("1", True), ("Yes", True), ("off", False), ("", False)])
def test_flags_are_read_in_plain_words(monkeypatch: pytest.MonkeyPatch, text: str, meaning: bool) -> None:
    monkeypatch.setenv("THING", text)
    assert flag("THING", default=not meaning) is meaning


def test_a_flag_that_is_neither_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THING", "maybe")
    with pytest.raises(BadEnvironment, match="THING is 'maybe'; write 1 or 0"):
        flag("THING", default=True)


def test_a_number_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "eighty")
    with pytest.raises(BadEnvironment, match="PORT is 'eighty'; write a whole number"):
        number("PORT", default=8000)


def test_words_are_split_at_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THING", "a.example, b.example,,")
    assert words("THING") == ["a.example", "b.example"]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (
            "postgresql://ann:p%40ss@db.example:5433/registry?sslmode=require",
            ("registry", "ann", "p@ss", "db.example", "5433", {"sslmode": "require"}),
        ),
        ("postgres://[::1]/registry", ("registry", "", "", "::1", "", {})),
        ("postgresql:///registry?host=/run/pg&user=ann", ("registry", "ann", "", "/run/pg", "", {})),
        ("postgresql://%2Frun%2Fpg/registry", ("registry", "", "", "/run/pg", "", {})),
    ],
)
def test_a_database_is_named_by_one_url(url: str, expected: tuple[object, ...]) -> None:
    read = database(url)
    assert tuple(read[key] for key in ("NAME", "USER", "PASSWORD", "HOST", "PORT", "OPTIONS")) == expected


@pytest.mark.parametrize(
    "url",
    ["mysql://ann:hunter2@db/registry", "postgresql://ann:hunter2@db", "postgresql://ann:hunter2@db:port/registry"],
)
def test_a_database_url_that_names_none_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(BadEnvironment, match="DATABASE_URL") as refused:
        database(url)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "client", "celery"),
    [
        ("redis://:word@cache.example:6379/2",) * 2 + ("redis://:word@cache.example:6379/2",),
        ("unix:///run/v.sock", "unix:///run/v.sock?db=0", "redis+socket:///run/v.sock?virtual_host=0"),
        ("unix:///run/v.sock?db=3", "unix:///run/v.sock?db=3", "redis+socket:///run/v.sock?virtual_host=3"),
        ("redis+socket:///v.sock?virtual_host=1", "unix:///v.sock?db=1", "redis+socket:///v.sock?virtual_host=1"),
    ],
)
def test_a_cache_is_spelled_for_each_client(url: str, client: str, celery: str) -> None:
    assert redis_address(url) == RedisAddress(client=client, celery=celery)


@pytest.mark.parametrize("url", ["", "valkey", "unix://", "redis://", "redis://host:no/0"])
def test_a_cache_url_that_names_none_is_refused(url: str) -> None:
    with pytest.raises(BadEnvironment, match="REDIS_URL"):
        redis_address(url)


def test_letters_go_where_one_url_says() -> None:
    assert mail("smtp://ann:hunter2@mail.example")["EMAIL_PORT"] == 587
    assert mail("smtps://mail.example")["EMAIL_USE_SSL"] is True
    with pytest.raises(BadEnvironment, match="EMAIL_URL must look like"):
        mail("mail.example")


def test_a_kept_secret_is_made_once_and_read_by_its_owner_only(tmp_path: Path) -> None:
    made = kept_secret(tmp_path / "key")

    assert (len(bytes.fromhex(made)), kept_secret(tmp_path / "key")) == (32, made)
    assert [(path.name, path.stat().st_mode & 0o777) for path in tmp_path.iterdir()] == [("key", 0o600)]
