"""Three consumers and a provider that can be broken, beside a running demo: `make demo-clients`."""
