"""`POST /api/events`: shop events are checked one by one and stored before the answer."""
