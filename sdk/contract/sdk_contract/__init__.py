"""A black-box suite for SDKs: a scripted registry, a scripted provider, and cases that drive a harness between them."""
