"""What is told of an incident when it is over: times, and the draft of a postmortem."""
