"""protoc itself, asked what it thinks of a source."""

import re
import warnings
from importlib.resources import files
from pathlib import Path

from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from grpc_tools import _protoc_compiler, protoc

CORPUS = Path(__file__).parents[2] / "corpus" / "definitions"
OWN_FILES = Path(str(files("grpc_tools"))) / "_proto"
ODD = (
    'syntax = "proto4"; message A {}',
    'edition = "2022"; message A {}',
    'syntax = "proto" "3"; message A {}',
    "message A {}",
    "syntax = proto3;",
    "",
    "// only",
    'syntax = "proto3"',
    'syntax "proto3";',
    'package a; syntax = "proto3";',
    '\ufeffsyntax = "proto3"; message A {}',
    "syntax = 'proto3'; message A { string a = 1; }",
    'syntax = "proto3";\nmessage A { // c\n /* d */ string a = 1; // e\n}',
    'syntax = "proto3";\nmessage A {\x0b\x0c string a = 1;\r\n}',
    'syntax = "proto3";\nmessage A { string a = 1 [json_name = "a\\\nb"]; }',
)


def corpus() -> list[str]:
    """Every source of the corpus."""
    found, begin = list(ODD), ""
    for line in (CORPUS / "protos.txt").read_text().splitlines():
        if line.startswith(">>> "):
            begin = line.removeprefix(">>> ")
        elif begin:
            found.append(f"{begin}\n{line}")
    return found


def refusals(text: str, folder: Path) -> list[tuple[int, str]]:
    """What protoc refuses: lines, from 1, and messages. The command refuses some things beyond its own library."""
    (folder / "asked.proto").write_text(text)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            _protoc_compiler.get_protos(b"asked.proto", [str(folder).encode(), str(OWN_FILES).encode()])
    except _protoc_compiler.ProtocErrors as refused:
        return [(each.line + 1, each.message.decode("utf-8", "replace")) for each in refused.errors()]
    return [] if _command(folder) == 0 else [(0, "refused by the command")]


def described(text: str, folder: Path) -> FileDescriptorProto:
    """What protoc reads in a source it accepts."""
    (folder / "asked.proto").write_text(text)
    assert _command(folder) == 0
    return FileDescriptorSet.FromString((folder / "asked.bin").read_bytes()).file[0]


def _command(folder: Path) -> int:
    out = f"--descriptor_set_out={folder / 'asked.bin'}"
    answer: int = protoc.main(["protoc", f"-I{folder}", f"-I{OWN_FILES}", out, "asked.proto"])
    return answer


WORD = re.compile(r""""[^"\n]*"|'[^'\n]*'|[A-Za-z_]\w*|[0-9][\w.]*|//[^\n]*|/\*.*?\*/|\s+|.""", re.DOTALL)
