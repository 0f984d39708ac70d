"""The demo's dead letters: put into a stream of Redis, as their consumer would have, and taken in from there."""

from collections.abc import Callable
from datetime import datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

import redis
from django.conf import settings
from django.utils import timezone

from registry.demo import letters
from registry.models import Broker, DeadLetterSource, DepthReading, Environment, Integration, Person
from registry.services import endpoints, harvests, sources

DATABASES_ON = 9
"""From the database the registry itself uses in Redis: the demo's streams are out of its way there."""
CHART_HOURS = 72
INTEGRATION = "orders-to-loyalty"


def address() -> str:
    """Where the demo's streams are."""
    parts = urlsplit(settings.REDIS_URL)
    if parts.scheme == "unix":
        return f"unix://{parts.path}?db={int(dict(parse_qsl(parts.query)).get('db', 0)) + DATABASES_ON}"
    return f"{parts.scheme}://{parts.netloc}/{int(parts.path.strip('/') or 0) + DATABASES_ON}"


def lie_down(people: dict[str, Person], say: Callable[[str], object]) -> None:
    """Fill the stream, name broker and source, and take the letters in."""
    if "@" in urlsplit(settings.REDIS_URL).netloc:
        say("No dead letters: the demo's broker would be this Redis, which wants a password.")
        return
    about, now = letters.told(), timezone.now()
    made = fill(now)
    administrator, keeper = people["ivy"], people["lucas"]
    integration = Integration.objects.select_related("in_force").get(slug=INTEGRATION)
    for place in Environment.objects.filter(slug__in=("production", "staging")):
        endpoints.save(
            slug=about["broker"], environment=place, kind=Broker.Kind.REDIS_STREAMS, url=address(), by=administrator
        )
    source = sources.define(
        integration,
        Broker.objects.select_related("environment").get(slug=about["broker"], environment__slug="production"),
        topic=about["topic"],
        place=about["place"],
        masked=about["masked"],
        searchable=about["searchable"],
        by=keeper,
    )
    sources.change_mode(source, DeadLetterSource.Mode.CURSOR, agreed=True, by=keeper)
    DepthReading.objects.bulk_create(_readings(source, [each.died_at for each in made], now))
    taken = harvests.harvest(source.pk)
    harvests.count_depths()
    say(f"Dead letters of {integration.name}: {taken} in {about['place']}")


def fill(now: datetime) -> list[letters.Made]:
    """Entries at the moments they died at. What a demo before this one left there goes."""
    about = letters.told()
    made = letters.letters(now)
    with redis.Redis.from_url(address()) as streams, streams.pipeline(transaction=True) as all_of_it:
        all_of_it.delete(about["topic"], about["place"])
        for number, each in enumerate(made):
            position = f"{int(each.died_at.timestamp() * 1_000)}-{number}"
            all_of_it.xadd(about["place"], dict(each.fields), id=position)
        all_of_it.xgroup_create(about["topic"], about["group"], id="$", mkstream=True)
        all_of_it.execute()
    return made


def _readings(source: DeadLetterSource, died_at: list[datetime], now: datetime) -> list[DepthReading]:
    """What a look each ten minutes would have found."""
    newest = now.replace(second=0, microsecond=0)
    minutes = [newest - timedelta(minutes=10 * each) for each in range(1, CHART_HOURS * 6)]
    return [
        DepthReading(source=source, minute=each, messages=sum(at <= each for at in died_at), oldest_at=min(died_at))
        for each in minutes
        if min(died_at) <= each
    ]
