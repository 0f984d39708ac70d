"""What dead letters cost: taken in and sent at each broker beside a bare loop, and read where there are a million."""
