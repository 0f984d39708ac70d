"""What an auditor takes away: files, and a script that checks them with Python and a public key alone. Pure."""

from pathlib import Path

SCRIPT = Path(__file__).with_name("check.py")
"""The script that goes into every bundle. It imports nothing of ours."""
