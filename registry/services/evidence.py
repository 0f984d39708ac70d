"""Evidence: one zip with a reviewed text, its signatures, keys, trail, and how to check them. Reads only."""

import hashlib
import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any

from registry import signing
from registry.evidence import SCRIPT
from registry.exporters import EXPORTERS
from registry.models import Event, Release, Review
from registry.record import documents
from registry.services import exports, trail

README = """\
# Evidence: {name} {version}

What was agreed under the content hash

    {content_hash}

and how to check it without the registry it comes from.

    python3 check.py

needs Python 3.8 or newer and nothing else. It says of every file whether it is as listed, of the record whether it has
this hash, of every signature whether the key signed these very words on this very text, of every release whether its
bytes were signed, and of the trail whether an event was changed or removed.

The public keys in keys.json came with the bundle. Compare them with those the registry publishes at /api/v1/keys, or
with what you noted earlier, and give that one: `python3 check.py --key <64 hex digits>`.

| file | holds |
|---|---|
| record.json | the design record; SHA-256 of its canonical bytes (sorted keys, no spaces, UTF-8) is the hash above |
| review.json | the round of review: what was needed, what was found, and each signature with the words it is over |
| releases.json, releases/ | what services were served from this text, byte by byte |
| keys.json | public keys, Ed25519, by the id that stands beside each signature |
| trail.jsonl | every act on this integration; each event holds the hash of the one before it |
| document/ | the same record for people and other tools |
| SHA256SUMS | the hash of every file (`sha256sum -c SHA256SUMS` checks them too) |
"""


def bundle(review: Review) -> bytes:
    """The zip for one round of review, approved or not."""
    files = dict(_files(review))
    listed = "".join(f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in sorted(files.items()))
    files["SHA256SUMS"] = listed.encode()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted(files.items()):
            # The same evidence is the same file: no clock of ours in it.
            entry = zipfile.ZipInfo(f"{folder(review)}/{name}", date_time=review.submitted_at.timetuple()[:6])
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content)
    return packed.getvalue()


def folder(review: Review) -> str:
    """The name of the bundle's folder, and of its file."""
    version = (
        review.revision.version if review.state == Review.State.APPROVED else f"{review.version}-round-{review.round}"
    )
    return f"evidence-{review.integration.slug}-{version}"


def _files(review: Review) -> Iterator[tuple[str, bytes]]:
    name, version = review.integration.name, review.revision.version
    yield "README.md", README.format(name=name, version=version, content_hash=review.content_hash).encode()
    yield "check.py", SCRIPT.read_bytes()
    yield "record.json", _json(review.document)
    yield "review.json", _json(_review(review))
    yield "keys.json", _json(signing.public_keys())
    releases = Release.objects.filter(revision=review.revision, content_hash=review.content_hash)
    told = []
    for release in releases.select_related("environment").order_by("environment__slug", "number"):
        file = f"releases/{release.environment.slug}-{release.number}.json"
        yield file, bytes(release.body)
        told.append(_release(release, file))
    yield "releases.json", _json(told)
    yield "trail.jsonl", b"".join(_event(each) for each in _events(review))
    cover = exports.cover(review.revision)
    for exporter in EXPORTERS:
        if text := exporter.write(review.record, cover):
            yield f"document/{review.integration.slug}{exporter.ending}", text.encode()


def _json(value: Any) -> bytes:
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False).encode() + b"\n"


def _review(review: Review) -> dict[str, Any]:
    return {
        "integration": review.integration.slug,
        "name": review.integration.name,
        "version": review.revision.version,
        "reviewed_as": review.version,
        "round": review.round,
        "state": review.state,
        "content_hash": review.content_hash,
        "section_hashes": review.section_hashes,
        "requirement": review.requirement,
        "change_note": review.change_note,
        "findings": review.findings,
        "justifications": review.justifications,
        "submitted_by": review.submitted_by.username,
        "submitted_at": review.submitted_at.isoformat(),
        "ended_at": review.ended_at and review.ended_at.isoformat(),
        "outcome_note": review.outcome_note,
        "sign_offs": [
            {
                "statement": each.statement,
                "key_id": each.key_id,
                "signature": each.signature,
                "voided_at": each.voided_at and each.voided_at.isoformat(),
                "void_reason": each.void_reason,
            }
            for each in review.sign_offs.all()
        ],
    }


def _release(release: Release, file: str) -> dict[str, Any]:
    return {
        "environment": release.environment.slug,
        "number": release.number,
        "etag": release.etag,
        "sha256": release.sha256,
        "file": file,
        "key_id": release.key_id,
        "signature": release.signature,
        "released_at": release.released_at.isoformat(),
    }


def _events(review: Review) -> Iterator[Event]:
    return Event.objects.filter(chain=review.integration.slug).order_by("sequence").iterator(chunk_size=2_000)


def _event(event: Event) -> bytes:
    """An event with exactly the texts that its hash is over."""
    told = {
        "chain": event.chain,
        "sequence": str(event.sequence),
        "at": trail.moment(event.at),
        "actor": "" if event.actor_id is None else str(event.actor_id),
        "actor_name": event.actor_name,
        "origin_ip": event.origin_ip,
        "request_id": event.request_id,
        "kind": event.kind,
        "subject": event.subject,
        "data": event.data,
        "previous_hash": event.previous_hash,
        "hash": event.hash,
    }
    return documents.canonical_bytes(told) + b"\n"
