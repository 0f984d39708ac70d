"""Measurements that anyone can run again, with public tools only."""
