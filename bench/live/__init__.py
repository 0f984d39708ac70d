"""What reads of live settings and followers cost, beside nginx, a plain DRF view and a loop in C, in the same run."""
