"""The token in an Authorization header."""


def presented(header: str) -> str:
    """The token of `Bearer <token>`; "" if it is anything else."""
    scheme, _, token = header.strip().partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""
