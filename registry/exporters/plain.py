"""A record as YAML or JSON, to be kept in a repository and imported again."""

import json
import re
from typing import Any

import yaml

from ..record import DesignRecord
from ..record.documents import dump

__all__ = ["json_text", "yaml_text"]

_LIKE_A_NUMBER = re.compile(r"[-+.]?\d")
_ODD_BREAK = re.compile("[\r\x85\u2028\u2029\ufeff]")


def json_text(record: DesignRecord) -> str:
    """The record as JSON with two spaces of indentation, ending in a line break."""
    return json.dumps(dump(record), indent=2, ensure_ascii=False) + "\n"


def yaml_text(record: DesignRecord) -> str:
    """The record as YAML, longer texts as blocks."""
    return yaml.dump(dump(record), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)


class _Dumper(yaml.SafeDumper):
    """Writes no anchors, and quotes what YAML 1.1 and 1.2 read differently."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    # Line breaks of other alphabets are folded by YAML unless they are written as escapes.
    odd, number = _ODD_BREAK.search(text), _LIKE_A_NUMBER.match(text)
    style = '"' if odd else "|" if "\n" in text else "'" if number else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)
