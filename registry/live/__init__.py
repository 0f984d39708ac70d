"""What services obey: settings compiled from approved records."""
