"""What was known at a moment of the past, beside what is known of the same window now."""
