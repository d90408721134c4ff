"""The model: what it is asked, what it may spend, and what of its answer is believed."""
