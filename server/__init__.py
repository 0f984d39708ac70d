"""Wiring only: settings, URLs, the web and task processes, and the embedded servers."""
