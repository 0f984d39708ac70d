"""The front process: its protocol, what it passes on, and what it holds."""
