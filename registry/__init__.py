"""The domain: the only app with tables."""
