"""Who signed what can be checked here, by a command, and without us."""

import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.core.management import CommandError, call_command
from hypothesis import given, settings
from hypothesis import strategies as st

from registry import signing
from registry.evidence import check
from registry.models import Integration, Release, Review, SignOff
from registry.services import evidence, reviews, verification

Break = Callable[[str], None]


@pytest.fixture
def signed(approved: Integration) -> Review:
    return Review.objects.select_related("integration", "revision", "submitted_by").get()


def said(*arguments: str) -> str:
    out = io.StringIO()
    call_command("verify", *arguments, stdout=out, stderr=out)
    return out.getvalue()


# --- here -----------------------------------------------------------------------------------------------------------


def test_an_approved_text_is_genuine_with_its_five_signatures_and_its_releases(signed: Review) -> None:
    found = verification.verify(signed.content_hash)
    assert (found.is_known, found.is_genuine, found.is_approved) == (True, True, True)
    [review] = found.reviews
    assert [each.sign_off.role for each in review.sign_offs] == [
        "author",
        "consumer_lead",
        "provider_lead",
        "platform",
        "approver",
    ]
    assert {(each.release.environment.slug, each.is_in_force) for each in found.releases} == {
        ("local", True),
        ("staging", True),
        ("production", True),
    }


def test_an_instances_etag_leads_to_the_same_text(signed: Review) -> None:
    release = Release.objects.filter(environment__slug="production").get()
    for held in (release.etag, f"W/{release.etag}", release.etag.strip('"'), release.sha256.upper()):
        found = verification.verify(verification.hash_in(held))
        assert (found.content_hash, found.asked_release) == (signed.content_hash, release)


@pytest.mark.parametrize("text", ["", "abc", "0" * 63, "x" * 64, "0" * 64 + "\x00", "1-2-" + "0" * 64])
def test_what_is_no_hash_is_none(text: str) -> None:
    assert verification.hash_in(text) == ""


def test_an_unknown_hash_is_known_to_nobody(signed: Review) -> None:
    found = verification.verify("0" * 64)
    assert (found.is_known, found.is_genuine, found.is_approved) == (False, False, False)


TAMPERING = {
    "the text": "UPDATE registry_review SET document = jsonb_set(document, '{overview,purpose}', '\"Another\"')",
    "a name": "UPDATE registry_signoff SET printed_name = 'Somebody Else' WHERE role = 'approver'",
    "a meaning": "UPDATE registry_signoff SET meaning = 'I promise nothing.' WHERE role = 'platform'",
    "a role": "UPDATE registry_signoff SET role = 'platform' WHERE role = 'approver'",
    "a time": "UPDATE registry_signoff SET signed_at = signed_at - interval '1 day' WHERE role = 'author'",
    "what was seen": "UPDATE registry_signoff SET saw = '{}' WHERE role = 'author'",
    "a signature": "UPDATE registry_signoff SET signature = repeat('A', 86) || '==' WHERE role = 'author'",
    "a key": "UPDATE registry_signoff SET key_id = repeat('0', 16) WHERE role = 'author'",
    "a body": "UPDATE registry_release SET body = body || ' '::bytea, sha256 = encode(sha256(body || ' '), 'hex')",
}


@pytest.mark.parametrize("statement", TAMPERING.values(), ids=TAMPERING)
def test_what_was_changed_behind_our_back_is_found(signed: Review, without_triggers: Break, statement: str) -> None:
    without_triggers(statement)
    assert not verification.verify(signed.content_hash).is_genuine
    with pytest.raises(CommandError, match="not as they were signed"):
        said("--all")


def test_a_signature_taken_away_is_missed(signed: Review, without_triggers: Break) -> None:
    without_triggers("DELETE FROM registry_signoff WHERE role = 'approver'")
    [review] = verification.verify(signed.content_hash).reviews
    assert [each.text for each in review.checks if not each.holds] == ["Every signature that was needed is there."]


def test_the_command_says_who_signed_with_what_meaning(signed: Review) -> None:
    told = said(signed.content_hash)
    assert "orders-to-payments 1.0, round 1: Approved" in told
    assert "Approver: Zoe Zimmer" in told
    assert "its settings may be served to running services" in told
    assert "Release 1 in production, in force" in told
    assert told.endswith("Everything is as it was signed.\n")
    assert said("--all") == "1 texts, each as it was signed.\n"


@pytest.mark.parametrize(("asked", "problem"), [("xyz", "64 hex digits"), ("0" * 64, "Nothing is known")])
def test_the_command_says_what_it_cannot_check(db: None, asked: str, problem: str) -> None:
    with pytest.raises(CommandError, match=problem):
        said(asked)


# --- without us -----------------------------------------------------------------------------------------------------


def unpacked(review: Review, into: Path) -> Path:
    with zipfile.ZipFile(io.BytesIO(evidence.bundle(review))) as archive:
        archive.extractall(into)
    return into / evidence.folder(review)


def checked(folder: Path, *arguments: str) -> tuple[int, str]:
    """By a Python that knows nothing of ours: isolated, and without the packages installed here."""
    command = [sys.executable, "-I", "-S", str(folder / "check.py"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
    assert done.stderr == ""
    return done.returncode, done.stdout


def test_a_bundle_is_checked_with_python_and_the_public_key_alone(signed: Review, tmp_path: Path) -> None:
    folder = unpacked(signed, tmp_path)
    [key] = signing.public_keys().values()
    code, told = checked(folder, "--key", key)
    assert (code, told.count("  ok "), "WRONG" in told) == (0, 21, False)
    assert told.endswith("Everything is as it was signed.\n")
    assert sorted(str(each.relative_to(folder)) for each in folder.rglob("*.*")) >= ["README.md", "check.py"]
    assert (folder / "document" / "orders-to-payments.md").read_text().startswith("#")
    assert evidence.bundle(signed) == evidence.bundle(signed)


def test_a_bundle_of_another_key_is_refused(signed: Review, tmp_path: Path) -> None:
    code, told = checked(unpacked(signed, tmp_path), "--key", "00" * 32)
    assert code == 1
    assert "is not by a trusted key" in told


def edit(path: Path, change: Callable[[str], str]) -> None:
    path.write_text(change(path.read_text()))


FORGERIES: dict[str, tuple[str, Callable[[str], str]]] = {
    "the record": ("record.json", lambda text: text.replace("Take the customer's money once", "Take it twice")),
    "a statement": ("review.json", lambda text: text.replace("Zoe Zimmer", "Somebody Else")),
    "a release": ("releases/production-1.json", lambda text: text.replace('"total_ms":10000', '"total_ms":10001')),
    "an event": ("trail.jsonl", lambda text: text.replace("First version", "Last version")),
    "a missing event": ("trail.jsonl", lambda text: "".join(text.splitlines(keepends=True)[1:])),
    "a missing signature": ("review.json", lambda text: json.dumps(without_first_signature(json.loads(text)))),
    "no review": ("review.json", lambda text: "{}"),
}


def without_first_signature(review: dict[str, list[object]]) -> dict[str, list[object]]:
    return review | {"sign_offs": review["sign_offs"][1:]}


@pytest.mark.parametrize("forgery", FORGERIES.values(), ids=FORGERIES)
def test_a_forged_bundle_is_found_out_even_with_its_sums_mended(
    signed: Review, tmp_path: Path, forgery: tuple[str, Callable[[str], str]]
) -> None:
    folder = unpacked(signed, tmp_path)
    name, change = forgery
    before = (folder / name).read_text()
    edit(folder / name, change)
    assert (folder / name).read_text() != before
    old, new = (check.sha256(text.encode()) for text in (before, (folder / name).read_text()))
    edit(folder / "SHA256SUMS", lambda text: text.replace(old, new))
    code, told = checked(folder)
    assert code == 1, told
    assert "WRONG" in told


def test_void_signatures_stay_in_the_evidence(review: Review, sign: Callable[..., None], tmp_path: Path) -> None:
    sign(review, "author")
    reviews.withdraw(review, by=review.submitted_by, reason="A better text")
    ended = Review.objects.select_related("integration", "revision", "submitted_by").get()
    code, told = checked(unpacked(ended, tmp_path))
    assert code == 0, told
    assert "Ann Archer as author (void)" in told
    assert SignOff.objects.get().void_reason == "Withdrawn by Ann Archer: A better text"


@settings(max_examples=20, deadline=None)
@given(seed=st.binary(min_size=32, max_size=32), message=st.binary(max_size=200), flip=st.integers(0, 511))
def test_our_small_ed25519_agrees_with_a_library(seed: bytes, message: bytes, flip: int) -> None:
    key = Ed25519PrivateKey.from_private_bytes(seed)
    public, signature = key.public_key().public_bytes_raw(), key.sign(message)
    forged = bytearray(signature)
    forged[flip // 8] ^= 1 << flip % 8
    assert check.verify(public, message, signature)
    assert not check.verify(public, message, bytes(forged))
    assert not check.verify(public, message + b"x", signature)


# RFC 8032, section 7.1, tests 1 to 3; and keys and signatures that are no points or too large.
VECTORS = [
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
]


@pytest.mark.parametrize(("key", "message", "signature"), VECTORS)
def test_our_small_ed25519_knows_the_standards_own_examples(key: str, message: str, signature: str) -> None:
    public, text, made = map(bytes.fromhex, (key, message, signature))
    assert check.verify(public, text, made)
    assert not check.verify(
        public, text, made[:32] + (int.from_bytes(made[32:], "little") + check.L).to_bytes(32, "little")
    )
    assert not check.verify(b"\xff" * 32, text, made)
    assert not check.verify(public, text, made[:63])
