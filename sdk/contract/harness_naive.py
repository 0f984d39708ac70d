"""What a service does without an SDK: reads settings once and obeys nothing but the address. The suite must say so."""

import json
import sys
from typing import Any

import httpx


def main() -> None:
    print(json.dumps({"sdk": "naive", "can": ["credentials", "context", "events", "public_keys"]}), flush=True)
    held: dict[str, Any] = {}
    for line in sys.stdin:
        asked = json.loads(line)
        print(json.dumps({"ok": answer(asked, held)}), flush=True)


def answer(asked: dict[str, Any], held: dict[str, Any]) -> dict[str, Any]:
    if asked["do"] == "start":
        headers = {"Authorization": f"Bearer {asked['token']}"}
        held.clear()
        try:
            held |= httpx.get(f"{asked['url']}/api/v1/settings/{asked['integration']}", headers=headers).json()
        except httpx.HTTPError:
            held.clear()
    if asked["do"] == "call":
        try:
            url = held["contracts"]["payments-api"]["endpoint"] + asked["path"]
            response = httpx.request(asked["method"], url, headers=asked.get("headers"), timeout=2)
        except (httpx.HTTPError, KeyError):
            return {"error": "network"}
        return {"status": response.status_code}
    if asked["do"] == "state":
        return {"release": held.get("release"), "breakers": {}}
    return {"result": "done"} if asked["do"] == "process" else {}


if __name__ == "__main__":
    main()
