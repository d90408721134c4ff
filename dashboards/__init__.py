"""Pages and fragments for people. Reads only."""
