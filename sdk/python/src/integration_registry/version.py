"""What this client calls itself."""

VERSION = "0.1.0"
SDK = f"integration-registry-sdk-python/{VERSION}"
