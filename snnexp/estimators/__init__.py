"""What a surrogate gradient is compared with: exact, smoothed, sampled and integrated derivatives of tiny networks."""
