#!/usr/bin/env python3
"""Checks a bundle of evidence without the registry. Needs Python 3.8 or newer and nothing else.

    python3 check.py                     looks at the folder it lies in
    python3 check.py --key HEX           trusts this public key alone (64 hex digits, from a source of your own)

Exits 0 if everything is as it was signed, 1 if not, and says what.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import sys
from pathlib import Path
from typing import Any, Tuple  # noqa: UP035

Point = Tuple[int, int, int, int]  # noqa: UP006 - this file runs on old Pythons

# --- Ed25519 (RFC 8032, section 5.1.7), verification only; slow, and small enough to be read ------------------------

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT = pow(2, (P - 1) // 4, P)


def _recover_x(y: int, sign: int) -> int | None:
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    if square == 0:
        return None if sign else 0
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT % P
    if (x * x - square) % P:
        return None
    return P - x if (x & 1) != sign else x


BASE_Y = 4 * pow(5, P - 2, P) % P
BASE_X = _recover_x(BASE_Y, 0) or 0
BASE = (BASE_X, BASE_Y, 1, BASE_X * BASE_Y % P)


def _add(one: Point, other: Point) -> Point:
    a = (one[1] - one[0]) * (other[1] - other[0]) % P
    b = (one[1] + one[0]) * (other[1] + other[0]) % P
    c = 2 * one[3] * other[3] * D % P
    d = 2 * one[2] * other[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def _times(scalar: int, point: Point) -> Point:
    total = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            total = _add(total, point)
        point = _add(point, point)
        scalar >>= 1
    return total


def _point(encoded: bytes) -> Point | None:
    y = int.from_bytes(encoded, "little")
    sign, y = y >> 255, y & ((1 << 255) - 1)
    x = _recover_x(y, sign)
    return None if x is None else (x, y, 1, x * y % P)


def _same(one: Point, other: Point) -> bool:
    return (one[0] * other[2] - other[0] * one[2]) % P == 0 and (one[1] * other[2] - other[1] * one[2]) % P == 0


def verify(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the holder of `public_key` (32 bytes) signed `message` (bytes) with `signature` (64 bytes)."""
    if len(public_key) != 32 or len(signature) != 64:
        return False
    key, nonce = _point(public_key), _point(signature[:32])
    scalar = int.from_bytes(signature[32:], "little")
    if key is None or nonce is None or scalar >= L:
        return False
    digest = hashlib.sha512(signature[:32] + public_key + message).digest()
    challenge = int.from_bytes(digest, "little") % L
    return _same(_times(scalar, BASE), _add(nonce, _times(challenge, key)))


# --- what the registry signs ------------------------------------------------------------------------------------------


def canonical(value: Any) -> bytes:
    """Plain data as the bytes that are hashed and signed: sorted keys, no spaces, UTF-8."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def chained_hash(*fields: str) -> str:
    """SHA-256 of the fields of an event, each as "<bytes>:<text>"."""
    digest = hashlib.sha256()
    for field in fields:
        content = field.encode()
        digest.update(b"%d:" % len(content) + content)
    return digest.hexdigest()


class Check:
    """Goes through the files of a bundle and writes down what is right and what is not."""

    def __init__(self, folder: str | Path, trusted: list[str] | None = None) -> None:
        self.folder = Path(folder)
        self.wrong: list[str] = []
        self.right: list[str] = []
        self.trusted = trusted

    def run(self) -> bool:
        for step in (self.files, self.record, self.sign_offs, self.releases, self.trail):
            try:
                step()
            except (OSError, ValueError, KeyError, TypeError) as problem:
                self.say(False, f"{step.__name__}: cannot be read ({type(problem).__name__}: {problem})")
        return not self.wrong

    def say(self, is_right: bool, text: str) -> None:
        (self.right if is_right else self.wrong).append(text)

    def load(self, name: str) -> Any:
        return json.loads((self.folder / name).read_text(encoding="utf-8"))

    def keys(self) -> dict[str, bytes]:
        known = {sha256(bytes.fromhex(key))[:16]: bytes.fromhex(key) for key in self.load("keys.json").values()}
        if self.trusted is None:
            return known
        trusted = {sha256(key)[:16]: key for key in map(bytes.fromhex, self.trusted)}
        return {name: key for name, key in known.items() if name in trusted}

    def signed_by(self, key_id: str, message: bytes, signature: str) -> bool:
        key = self.keys().get(key_id)
        return key is not None and verify(key, message, base64.b64decode(signature))

    def files(self) -> None:
        listed = [line.split("  ", 1) for line in (self.folder / "SHA256SUMS").read_text("utf-8").splitlines()]
        bad = [name for digest, name in listed if sha256((self.folder / name).read_bytes()) != digest]
        self.say(
            not bad, f"{len(listed)} files, each as listed in SHA256SUMS" if not bad else f"changed: {', '.join(bad)}"
        )

    def record(self) -> None:
        record, review = self.load("record.json"), self.load("review.json")
        digest = sha256(canonical(record))
        self.say(digest == review["content_hash"], f"the record's hash is {digest}")
        sections = {name: sha256(canonical(record.get(name, empty(name)))) for name in review["section_hashes"]}
        bad = [name for name, value in review["section_hashes"].items() if sections[name] != value]
        self.say(not bad, "each section has its hash" if not bad else f"other sections than hashed: {', '.join(bad)}")

    def sign_offs(self) -> None:
        review = self.load("review.json")
        for each in review["sign_offs"]:
            stated = each["statement"]
            who = f"{stated['printed_name']} as {stated['role']}" + ("" if each["voided_at"] is None else " (void)")
            good = self.signed_by(each["key_id"], canonical(stated), each["signature"])
            self.say(
                good,
                f"signature of {who}" if good else f"the signature of {who} is not by a trusted key over these words",
            )
            if each["voided_at"] is None:
                bound = stated["content_hash"] == review["content_hash"] and all(
                    review["section_hashes"].get(name) == value for name, value in stated["section_hashes"].items()
                )
                self.say(bound, f"{who} signed this very text" if bound else f"{who} signed another text")
        standing = [each["statement"]["role"] for each in review["sign_offs"] if each["voided_at"] is None]
        if review["state"] == "approved":
            short = [
                role for role, wanted in review["requirement"]["minimums"].items() if standing.count(role) < wanted
            ]
            self.say(
                not short,
                "every signature that was needed is there" if not short else f"not signed: {', '.join(short)}",
            )

    def releases(self) -> None:
        review = self.load("review.json")
        for each in self.load("releases.json"):
            body = (self.folder / each["file"]).read_bytes()
            good = sha256(body) == each["sha256"] and self.signed_by(each["key_id"], body, each["signature"])
            name = f"release {each['number']} in {each['environment']}"
            self.say(good, f"{name} is signed" if good else f"{name} is not what was signed")
            same = json.loads(body)["content_hash"] == review["content_hash"]
            self.say(same, f"{name} comes from this record" if same else f"{name} comes from another record")

    def trail(self) -> None:
        previous, count = "", 0
        for line in (self.folder / "trail.jsonl").read_text("utf-8").splitlines():
            event = json.loads(line)
            count += 1
            fields = (
                "chain",
                "sequence",
                "at",
                "actor",
                "actor_name",
                "origin_ip",
                "request_id",
                "kind",
                "subject",
                "data",
            )
            digest = chained_hash(event["previous_hash"], *(event[name] for name in fields))
            if event["sequence"] != str(count) or event["previous_hash"] != previous or event["hash"] != digest:
                self.say(False, f"event {event['sequence']} of the trail was changed, or one before it is missing")
                return
            previous = digest
        self.say(True, f"{count} events of the trail, each chained to the one before it; the last is {previous[:16]}…")


def empty(section: str) -> Any:
    """What a section that states nothing is hashed as."""
    lists = ("parties", "contracts", "events", "topics", "ordering")
    return [] if section in lists else {}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Checks a bundle of evidence.")
    parser.add_argument("folder", nargs="?", default=str(Path(__file__).resolve().parent))
    parser.add_argument("--key", action="append", help="a public key to trust, 64 hex digits; may be given again")
    asked = parser.parse_args(arguments)
    check = Check(asked.folder, asked.key)
    is_right = check.run()
    for text in check.right:
        print("  ok     ", text)
    for text in check.wrong:
        print("  WRONG  ", text)
    if asked.key is None:
        print(
            "\nThe keys came with the bundle. Compare them with those the registry publishes, or give them with --key:"
        )
        for key_id, key in check.keys().items():
            print(f"  {key_id}  {key.hex()}")
    print("\nEverything is as it was signed." if is_right else "\nNot everything is as it was signed.")
    return 0 if is_right else 1


if __name__ == "__main__":
    sys.exit(main())
