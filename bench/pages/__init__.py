"""What pages cost with a thousand, ten thousand and a hundred thousand integrations, side by side."""
