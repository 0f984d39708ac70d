"""Where things lie on this machine; standard library only, read before anything is installed."""

import hashlib
import tempfile
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
VENV = PROJECT / ".venv"

# A socket's path may hold 107 bytes; the longest name PostgreSQL adds is "/.s.PGSQL.5432".
LONGEST_SOCKET_FOLDER = 107 - len("/.s.PGSQL.5432")


def socket_folder(state: Path) -> Path:
    """The folder of the servers' sockets: beside their data, or in the temporary folder when that path is too long."""
    near = state / "run"
    if len(bytes(near)) <= LONGEST_SOCKET_FOLDER:
        return near
    return Path(tempfile.gettempdir()) / f"registry-{hashlib.sha256(bytes(state)).hexdigest()[:16]}"


def web_socket(state: Path) -> Path:
    """Where the front reaches the web process."""
    return socket_folder(state) / "web.sock"
