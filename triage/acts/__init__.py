"""What people do to incidents: judge, silence, take, split, merge."""
