"""The same check for programs, and the keys for everybody."""

from registry import signing
from registry.models import Integration, Person, Release, Review
from tests.api.checked import CheckedClient
from tests.api.conftest import Speak


def test_a_text_is_verified_by_its_hash_and_by_an_etag(approved: Integration, speak: Speak, ann: Person) -> None:
    client, digest = speak(ann), Review.objects.get().content_hash
    found = client.get(f"/api/v1/verify/{digest}").json()
    assert (found["genuine"], found["approved"], found["page"]) == (True, True, f"/verify/{digest}/")
    [review] = found["reviews"]
    assert [each["name"] for each in review["signatures"]] == [
        "Ann Archer",
        "Cora Cole",
        "Paul Pratt",
        "Ivy Ives",
        "Zoe Zimmer",
    ]
    etag = Release.objects.filter(environment__slug="production").get().etag.strip('"')
    assert client.get(f"/api/v1/verify/{etag}").json() == found


def test_the_keys_are_public(db: None) -> None:
    answer = CheckedClient().get("/api/v1/keys")
    assert answer["Access-Control-Allow-Origin"] == "*"
    assert {each["id"]: each["key"] for each in answer.json()["keys"]} == signing.public_keys()
