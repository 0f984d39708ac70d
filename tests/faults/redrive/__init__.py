"""Redrives under kills. The long form is `python -m tests.faults.redrive`, the short is test_redrive_under_kills.py."""
