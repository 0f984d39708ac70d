"""What the protocols' own definitions say: parsed within bounds, checked, compared. Pure."""
